package version

import (
	"cmp"
	"fmt"
	"regexp"

	"github.com/Masterminds/semver/v3"
)

// Bump is the part of a version that the next release raises.
type Bump string

const (
	Major Bump = "major"
	Minor Bump = "minor"
	Patch Bump = "patch"
)

// Next is the tag of the release that follows last, always with three numbers
// and with last's v if it has one. A prerelease is followed by its own release
// if that is a high enough step: 1.0.0-rc.1 by 1.0.0. If last is "", it is
// 1.0.0, 0.1.0 or 0.0.1. Error: ErrNotAVersion.
func Next(last string, kind Bump) (string, error) {
	if last == "" {
		last = "0.0.0"
	}
	t, ok := parseTag(last)
	if !ok {
		return "", fmt.Errorf("%q: %w", last, ErrNotAVersion)
	}
	pre := t.pre != ""
	t.pre = ""
	switch kind {
	case Major:
		if !pre || t.minor != 0 || t.patch != 0 {
			t.major, t.minor, t.patch = t.major+1, 0, 0
		}
	case Minor:
		if !pre || t.patch != 0 {
			t.minor, t.patch = t.minor+1, 0
		}
	case Patch:
		if !pre {
			t.patch++
		}
	default:
		return "", fmt.Errorf("%q is not a step: use major, minor or patch", kind)
	}
	return t.prefix + t.String(), nil
}

var (
	breakingHeader = regexp.MustCompile(`^[A-Za-z]+(\([^)\n]*\))?!:`)
	breakingFooter = regexp.MustCompile(`(?m)^BREAKING[ -]CHANGE: `)
	featureHeader  = regexp.MustCompile(`^(?i:feat)(\([^)\n]*\))?:`)
)

// FromConventionalCommits returns the step that commit messages imply: major
// for a breaking change, minor for a feature, otherwise patch.
func FromConventionalCommits(messages []string) Bump {
	bump := Patch
	for _, m := range messages {
		switch {
		case breakingHeader.MatchString(m), breakingFooter.MatchString(m):
			return Major
		case featureHeader.MatchString(m):
			bump = Minor
		}
	}
	return bump
}

// Compare orders versions as Helm does: -1 when a is lower than b, +1 when
// higher. A version that Helm cannot parse is lower than every other.
func Compare(a, b string) int {
	va, errA := semver.NewVersion(a)
	vb, errB := semver.NewVersion(b)
	switch {
	case errA != nil && errB != nil:
		return cmp.Compare(a, b)
	case errA != nil:
		return -1
	case errB != nil:
		return 1
	}
	return va.Compare(vb)
}

// Highest is the highest version among tags, "" if none of them is a version.
// For the tags reachable from a commit it is that commit's BaseTag.
func Highest(tags []string) string {
	best := ""
	for _, tag := range tags {
		if IsVersionTag(tag) && (best == "" || Compare(tag, best) > 0) {
			best = tag
		}
	}
	return best
}

// HighestRelease is Highest without prereleases.
func HighestRelease(tags []string) string {
	var releases []string
	for _, tag := range tags {
		if t, ok := parseTag(tag); ok && t.pre == "" {
			releases = append(releases, tag)
		}
	}
	return Highest(releases)
}
