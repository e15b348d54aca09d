package version

import (
	"regexp"
	"slices"
	"strings"
)

var wordPattern = regexp.MustCompile(`[^0-9a-z]+`)

// ChartPrefix is the prefix of a tag that is written as one of a chart's releases, "" for other tags: it has the chart's name, or one of the words
// chart and helm, and nothing else. For the chart gauge these are gauge-3.13.1, gauge-chart-3.13.1, helm-chart-3.13.1 and helm-v3.13.1.
// Where there are several charts, and named is set, the name is required.
func ChartPrefix(tag, chart string, named bool) string {
	m := prefixedPattern.FindStringSubmatch(tag)
	if m == nil || CheckPrefix(m[1]) != nil || !(Tags{Prefix: m[1]}).IsVersion(tag) {
		return ""
	}
	name, of := words(chart), words(m[1])
	hasName := len(name) > 0 && !slices.ContainsFunc(name, func(w string) bool { return !slices.Contains(of, w) })
	rest := slices.DeleteFunc(slices.Clone(of), func(w string) bool { return slices.Contains(name, w) })
	hasWord := slices.ContainsFunc(rest, func(w string) bool { return w == "chart" || w == "charts" || w == "helm" })
	foreign := slices.ContainsFunc(rest, func(w string) bool {
		return !slices.Contains([]string{"chart", "charts", "helm", "release", "releases", "v"}, w)
	})
	if foreign || !hasName && (named || !hasWord) {
		return ""
	}
	return m[1]
}

func words(text string) []string {
	return slices.DeleteFunc(wordPattern.Split(strings.ToLower(text), -1), func(w string) bool { return w == "" })
}

// ReleasedAbove is a tag that states that a chart's version, the one of its Chart.yaml, is released, although the version that is derived
// from the tags s is lower; "" if there is none. A version in Chart.yaml that no tag has, such as 99.0.0, is a placeholder.
func (s Tags) ReleasedAbove(derived, inFile, chart string, all []string, named bool) string {
	if inFile == "" || Compare(derived, inFile) >= 0 {
		return ""
	}
	// A branch build of a commit that is tagged, and one of an old commit, have lower versions.
	if own := s.Highest(all); own != "" && Compare(s.Number(own), inFile) >= 0 {
		return ""
	}
	for _, tag := range all {
		if p := ChartPrefix(tag, chart, named); p != "" && Compare((Tags{Prefix: p}).Number(tag), inFile) == 0 {
			return tag
		}
	}
	return ""
}
