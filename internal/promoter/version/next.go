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
	// None is the step of commits that change nothing for users; Next has no tag for it.
	None Bump = "none"
)

// Next is the tag of the release that follows last, always with three numbers
// with last's v if it has one, and with the prefix of all tags. A prerelease is followed by its own release
// if that is a high enough step: 1.0.0-rc.1 by 1.0.0. If last is "", it is
// 1.0.0, 0.1.0 or 0.0.1. Error: ErrNotAVersion.
func (s Tags) Next(last string, kind Bump) (string, error) {
	if last == "" {
		last = s.Prefix + "0.0.0"
	}
	t, ok := s.parse(last)
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
	// A merge has no change of its own: the commits that it brings count.
	silentHeader = regexp.MustCompile(`^((?i:build|chore|ci|docs?|refactor|style|tests?)(\([^)\n]*\))?: |Merge (branch|branches|pull request|remote-tracking branch|commit|tag) )`)
)

// FromConventionalCommits returns the step that commit messages imply: major for a breaking change, minor for a feature, none if all
// are of the types build, chore, ci, docs, refactor, style and test, or merges, otherwise patch.
func FromConventionalCommits(messages []string) Bump {
	bump := None
	for _, m := range messages {
		switch {
		case breakingHeader.MatchString(m), breakingFooter.MatchString(m):
			return Major
		case featureHeader.MatchString(m):
			bump = Minor
		case bump == None && !silentHeader.MatchString(m):
			bump = Patch
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
