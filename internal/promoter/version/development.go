package version

import "regexp"

var developmentPattern = regexp.MustCompile(`[-.]dev\.[0-9]+\.g[0-9a-f]{7}$|-dev[0-9a-f]{7}$`)

// IsDevelopment reports whether a chart's version is one that Derive gives to a commit without a tag.
func IsDevelopment(chart string) bool { return developmentPattern.MatchString(chart) }
