package scaffold

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// chartPrefix is the prefix of a chart's own tags, "" if its version follows tags that are a version and nothing else: where both exist, the
// version in Chart.yaml is one of the chart's, or theirs are higher.
func chartPrefix(m *chart.Metadata, tags []string, named bool) string {
	best, exact := "", ""
	for _, tag := range tags {
		p := version.ChartPrefix(tag, m.Name, named)
		if p == "" {
			continue
		}
		number := func(tag string) string { return tag[len(version.ChartPrefix(tag, m.Name, named)):] }
		if version.Compare(number(tag), m.Version) == 0 {
			exact = tag
		}
		if best == "" || version.Compare(number(tag), number(best)) > 0 {
			best = tag
		}
	}
	plain := version.Tags{}
	highest := plain.Highest(tags)
	switch {
	case best == "":
		return ""
	case named, highest == "":
	case exact != "" && !hasNumber(plain, tags, m.Version):
		best = exact
	case version.Compare(best[len(version.ChartPrefix(best, m.Name, named)):], highest) <= 0:
		return ""
	}
	return version.ChartPrefix(best, m.Name, named)
}

func hasNumber(s version.Tags, tags []string, number string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return s.IsVersion(tag) && version.Compare(s.Number(tag), number) == 0 })
}

var (
	numbers = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)*$`)
	// What a chart has before its first release.
	placeholders = []string{"0", "1", "0.0.0", "0.0.1", "0.1.0"}
	afterPrefix  = regexp.MustCompile(`v?[0-9]+(\.[0-9]+)+$`)
)

// isForeign reports whether appVersion of a chart whose program is not built here is a version of another project: it is neither that of
// the chart nor of a tag.
func isForeign(m *chart.Metadata, tags []string) bool {
	if !numbers.MatchString(m.AppVersion) || slices.Contains(placeholders, m.AppVersion) || version.Compare(m.AppVersion, m.Version) == 0 {
		return false
	}
	return !slices.ContainsFunc(tags, func(tag string) bool {
		found := afterPrefix.FindString(tag)
		return found != "" && version.Compare(found, m.AppVersion) == 0
	})
}

// versions sets where the version of the only chart, and its appVersion, come from.
func (f *Facts) versions(ctx context.Context, r *gitrepo.Repo, m *chart.Metadata) error {
	tags, err := r.Tags(ctx)
	if err != nil || f.VersionInFile {
		return err
	}
	prefix := chartPrefix(m, tags, false)
	switch {
	case prefix != "" && f.Package != "" && prefix[:len(prefix)-1] == m.Name && (version.Tags{}).Highest(tags) == "":
		f.TagPrefix = prefix // the program has the name of its chart, and no tags but these
	case prefix != "":
		f.ChartTagPrefix, f.OnlyVersion = prefix, false
		f.Notes = append(f.Notes, fmt.Sprintf("the version of the chart follows its own tags, such as %s%s, and not those of the program; see version of the chart in the configuration", prefix, m.Version))
	case f.Package == "" && !f.OnlyVersion && isForeign(m, tags):
		f.OnlyVersion = true
		f.Notes = append(f.Notes, fmt.Sprintf("candidates keep appVersion %s, which is no version of this repository; remove scalars from the configuration if they are to set it to their commit or tag", m.AppVersion))
	}
	return nil
}
