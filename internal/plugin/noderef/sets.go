package noderef

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// Sets reads the sides of a partition: one argument for each, such as 0,1 or 0-4,7. The nodes in no set are one more side; there must be
// two at least.
func Sets(arguments []string, nodes int) ([][]int32, error) {
	seen := map[int32]string{}
	var sets [][]int32
	for _, argument := range arguments {
		set, err := Ordinals(argument, nodes)
		if err != nil {
			return nil, err
		}
		for _, ordinal := range set {
			if other, twice := seen[ordinal]; twice {
				return nil, invalid.Errorf("node %d is in %q and in %q: a node can be on one side only", ordinal, other, argument)
			}
			seen[ordinal] = argument
		}
		sets = append(sets, set)
	}
	switch {
	case len(sets) == 0:
		return nil, invalid.Errorf("no side is named: write the nodes of each side, such as 0,1 2,3")
	case len(sets) == 1 && len(seen) == nodes:
		return nil, invalid.Errorf("%q are all nodes of the network: leave some out, which are then the other side", arguments[0])
	}
	return sets, nil
}

// Ordinals reads a list of nodes such as 0,2-4, sorted, each once.
func Ordinals(text string, nodes int) ([]int32, error) {
	var list []int32
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.ParseUint(first, 10, 16)
		to := from
		if isRange && err == nil {
			to, err = strconv.ParseUint(last, 10, 16)
		}
		if err != nil || to < from {
			return nil, invalid.Errorf("%q is not a list of nodes: write ordinals, such as 0,2 or 0-3", text)
		}
		if to >= uint64(max(nodes, 0)) { //nolint:gosec // not negative
			return nil, invalid.Errorf("%q names node %d, which does not exist: the nodes are 0 to %d", text, to, nodes-1)
		}
		for ordinal := from; ordinal <= to; ordinal++ {
			if slices.Contains(list, int32(ordinal)) { //nolint:gosec // below the number of nodes
				return nil, invalid.Errorf("%q names node %d twice: name it once", text, ordinal)
			}
			list = append(list, int32(ordinal)) //nolint:gosec // below the number of nodes
		}
	}
	slices.Sort(list)
	return list, nil
}

// Ranges writes ordinals shortly: 0-3, 7.
func Ranges(ordinals []int) string {
	sorted := slices.Sorted(slices.Values(ordinals))
	var parts []string
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, strconv.Itoa(sorted[i]))
		case 1:
			parts = append(parts, strconv.Itoa(sorted[i]), strconv.Itoa(sorted[j]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", sorted[i], sorted[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
