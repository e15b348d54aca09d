package index

import (
	"slices"
	"strings"
)

// Summary is one chart of an index with its newest versions.
type Summary struct {
	Name string
	// Versions is the number of versions of the chart in the index.
	Versions int
	// Newest are the highest versions, the highest first, prereleases included.
	Newest []Entry
	// Release is the highest version that is not a prerelease, which `helm install` takes; nil if there is none.
	Release *Entry
}

// Overview returns the first charts by name with at most the given number of versions each, and
// the number of all charts. It decodes only the entries that it returns, so that it is fast
// where List takes seconds; an entry that cannot be decoded is counted and left out.
// Error: ErrCorrupt.
func Overview(index []byte, charts, versions int) (list []Summary, total int, err error) {
	f, err := parse(index)
	if err != nil {
		return nil, 0, err
	}
	all := slices.DeleteFunc(slices.Clone(f.charts), func(c *chartEntries) bool { return len(c.items) == 0 })
	slices.SortStableFunc(all, func(a, b *chartEntries) int { return strings.Compare(a.name, b.name) })
	for _, c := range all[:min(charts, len(all))] {
		list = append(list, f.summary(c, versions))
	}
	return list, len(all), nil
}

func (f *file) summary(c *chartEntries, versions int) Summary {
	s := Summary{Name: c.name, Versions: len(c.items)}
	items := slices.Clone(c.items)
	slices.SortStableFunc(items, newestFirst)
	for at, i := range items {
		isRelease := s.Release == nil && i.order.valid && !i.order.pre
		if at >= versions && !isRelease {
			if s.Release != nil {
				break
			}
			continue
		}
		e, err := f.form.decode(i.raw)
		if err != nil || e.Metadata == nil {
			continue
		}
		if at < versions {
			s.Newest = append(s.Newest, *e)
		}
		if isRelease {
			s.Release = e
		}
	}
	return s
}
