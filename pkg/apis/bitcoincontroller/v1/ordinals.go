package v1

import (
	"slices"
	"strconv"
	"strings"
)

// Ordinals is a set of nodes by their ordinals, sorted and short: 0-3,7.
//
// +kubebuilder:validation:MaxLength=2048
type Ordinals string

// maxOrdinal is that of the last node of the largest network.
const maxOrdinal = 499

// NewOrdinals returns the set of these ordinals.
func NewOrdinals(ordinals []int32) Ordinals {
	sorted := slices.Compact(slices.Sorted(slices.Values(ordinals)))
	var b strings.Builder
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(sorted[i])))
		if j > i {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(int(sorted[j])))
		}
		i = j + 1
	}
	return Ordinals(b.String())
}

// List returns the ordinals, sorted. Parts that are no ordinals of a network are left out.
func (o Ordinals) List() []int32 {
	if o == "" {
		return nil
	}
	var list []int32
	for part := range strings.SplitSeq(string(o), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			continue
		}
		to, err := strconv.ParseUint(last, 10, 16)
		if err != nil || from > to || to > maxOrdinal {
			continue
		}
		for ordinal := from; ordinal <= to && len(list) <= maxOrdinal; ordinal++ {
			list = append(list, int32(ordinal)) //nolint:gosec // at most 499
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
