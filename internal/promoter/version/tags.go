package version

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Tags selects the version tags of one program among all tags of its repository. The zero value selects tags that are a version and
// nothing else.
type Tags struct {
	// Prefix is the text before the version: app- selects app-1.2.3 and app-v1.2.3. Default: none.
	Prefix string
	// Line is the line of releases that the commit belongs to, such as 1.2 or 1. Default: the one in the name of its branch, see LineOfBranch.
	Line string
}

// Numbers have at most nine digits, so that adding one cannot overflow. An
// image tag has at most 128 characters and no build metadata (+).
var (
	tagPattern      = regexp.MustCompile(`^(v?)(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(?:\.(0|[1-9][0-9]{0,8}))?(-[0-9A-Za-z.-]+)?$`)
	intendedPattern = regexp.MustCompile(`^[vV]?[0-9]+\.[0-9]`)
	longPattern     = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+){3}`)
	zeroPattern     = regexp.MustCompile(`(^v?|\.)0[0-9]`)
	prefixedPattern = regexp.MustCompile(`^(.*?[^0-9.v])v?[0-9]+\.[0-9]`)
	prefixPattern   = regexp.MustCompile(`^[0-9A-Za-z@]([0-9A-Za-z._@-]|/[0-9A-Za-z@_-])*$`)
)

const (
	maxImageTag = 128
	maxPrefix   = 64
)

type parsedTag struct {
	prefix              string // all that is before the first number
	major, minor, patch uint64
	pre                 string // without the hyphen
}

func (t parsedTag) String() string {
	core := fmt.Sprintf("%d.%d.%d", t.major, t.minor, t.patch)
	if t.pre == "" {
		return core
	}
	return core + "-" + t.pre
}

func (s Tags) parse(tag string) (parsedTag, bool) {
	text, ok := strings.CutPrefix(tag, s.Prefix)
	m := tagPattern.FindStringSubmatch(text)
	if !ok || m == nil || len(text) > maxImageTag || m[1] != "" && strings.HasSuffix(s.Prefix, "v") {
		return parsedTag{}, false
	}
	number := func(s string) uint64 {
		n, _ := strconv.ParseUint(s, 10, 64) // the pattern admits digits only, or none
		return n
	}
	t := parsedTag{prefix: s.Prefix + m[1], major: number(m[2]), minor: number(m[3]), patch: number(m[4]), pre: strings.TrimPrefix(m[5], "-")}
	if _, err := semver.StrictNewVersion(t.String()); err != nil {
		return parsedTag{}, false
	}
	return t, true
}

// IsVersion reports whether a tag names a version: the prefix, then v?X.Y, v?X.Y.Z, or one of these with a prerelease such as -rc.1.
func (s Tags) IsVersion(tag string) bool {
	_, ok := s.parse(tag)
	return ok
}

// IsIntended reports whether a tag is written like a version, with the prefix, but is none.
func (s Tags) IsIntended(tag string) bool {
	text, ok := strings.CutPrefix(tag, s.Prefix)
	return ok && intendedPattern.MatchString(text) && !s.IsVersion(tag)
}

// Reason is why a tag is no version, and what would be one, in a few words.
func (s Tags) Reason(tag string) string {
	text, ok := strings.CutPrefix(tag, s.Prefix)
	switch m := prefixedPattern.FindStringSubmatch(tag); {
	case !ok:
		return fmt.Sprintf("versions begin with %s, by version.tagPrefix", s.Prefix)
	case strings.Contains(text, "+"):
		return "image tags cannot have build metadata (+), and Helm does not order by it; use another number or a prerelease (-)"
	case strings.HasPrefix(text, "V"):
		return "the v must be a small letter"
	case longPattern.MatchString(text):
		return "it has more than three numbers; use X.Y.Z"
	case zeroPattern.MatchString(text):
		return "a number has a leading zero; use X.Y.Z without"
	case s.Prefix == "" && m != nil && CheckPrefix(m[1]) == nil && Tags{Prefix: m[1]}.IsVersion(tag):
		return fmt.Sprintf("set version.tagPrefix to %s if such tags are releases", m[1])
	}
	return "use X.Y.Z, or X.Y.Z-rc.1 for a prerelease, after version.tagPrefix if there is one"
}

// IsRelease is IsVersion without prereleases.
func (s Tags) IsRelease(tag string) bool {
	t, ok := s.parse(tag)
	return ok && t.pre == ""
}

// Name is a version tag without the prefix, which is what images and charts are named: v1.2.3 for app-v1.2.3.
func (s Tags) Name(tag string) string { return strings.TrimPrefix(tag, s.Prefix) }

// Tag is the tag of a name that Name returned.
func (s Tags) Tag(name string) string { return s.Prefix + name }

// Complete is a tag that is written as a version without the prefix, with the prefix; any other text stays as it is.
func (s Tags) Complete(text string) string {
	if !s.IsVersion(text) && s.IsVersion(s.Tag(text)) {
		return s.Tag(text)
	}
	return text
}

// Number is the version of a tag in three numbers, with its prerelease: 1.5.0 for v1.5; "" for a tag that is no version.
func (s Tags) Number(tag string) string {
	if t, ok := s.parse(tag); ok {
		return t.String()
	}
	return ""
}

// Versions are those of the tags that are versions.
func (s Tags) Versions(tags []string) (versions []string) {
	for _, tag := range tags {
		if s.IsVersion(tag) {
			versions = append(versions, tag)
		}
	}
	return versions
}

// Compare orders version tags by their versions; see the function Compare.
func (s Tags) Compare(a, b string) int { return Compare(s.Name(a), s.Name(b)) }

// Highest is the highest version among tags, "" if none of them is a version.
func (s Tags) Highest(tags []string) string {
	best := ""
	for _, tag := range s.Versions(tags) {
		if best == "" || s.Compare(tag, best) > 0 {
			best = tag
		}
	}
	return best
}

// HighestRelease is Highest without prereleases.
func (s Tags) HighestRelease(tags []string) string {
	var releases []string
	for _, tag := range tags {
		if s.IsRelease(tag) {
			releases = append(releases, tag)
		}
	}
	return s.Highest(releases)
}

// CheckPrefix returns why a text cannot be the prefix of tags, nil if it can. A prefix that ends in a digit would run into the version.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	last := prefix[len(prefix)-1]
	if len(prefix) > maxPrefix || !prefixPattern.MatchString(prefix+"0") || strings.Contains(prefix, "..") || last == '.' || last >= '0' && last <= '9' {
		return fmt.Errorf("the tag prefix %q: use at most %d letters, digits and the characters - _ . @ /, with a digit or a dot not at the end", prefix, maxPrefix)
	}
	return nil
}

// IsVersionTag reports whether a tag without a prefix names a version.
func IsVersionTag(tag string) bool { return Tags{}.IsVersion(tag) }
