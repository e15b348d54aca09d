package index

import (
	"slices"
	"strings"
)

// Summary is one chart of an index with its newest versions.
type Summary struct {
	Name string
	// Versions counts all that the index has of the chart.
	Versions int
	// Newest are the highest versions, the highest first, prereleases included.
	Newest []Entry
	// Release is the highest version that is no prerelease, which `helm install` takes; nil if there is none.
	Release *Entry
}

// Overview gives the first charts by name, at most so many of each one's versions, and
// how many charts there are in all. Only what it gives is decoded, so that it costs little
// where List costs seconds; an entry that cannot be decoded is counted and left out.
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
		isRelease := s.Release == nil && i.parsed != nil && i.parsed.Prerelease() == ""
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
