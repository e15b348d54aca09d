package version

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Line is a line of releases: all versions that begin with its one or two numbers. The zero value has all versions.
type Line struct {
	major, minor uint64
	numbers      int
}

// ErrNotALine is the error of a line of releases that cannot be read.
var ErrNotALine = failure.New(failure.BadInput, "not a line of releases: use one or two numbers, such as 1.2 or 1")

var (
	linePattern  = regexp.MustCompile(`^(v?)(0|[1-9][0-9]{0,8})(\.(?:(0|[1-9][0-9]{0,8})(?:\.(?:[0-9]+|x))?|x))?$`)
	releaseWords = regexp.MustCompile(`^(release-branch|releases?|rel|maint|maintenance|stable|support|hotfix|backport|branch)[-/_.]`)
)

// ParseLine reads a line of releases: 1.2, v1.2 and 1.2.x are one line, 1, v1 and 1.x another; "" is the zero value. Error: ErrNotALine.
func ParseLine(text string) (Line, error) {
	m := linePattern.FindStringSubmatch(text)
	if m == nil && text != "" {
		return Line{}, fmt.Errorf("%q: %w", text, ErrNotALine)
	}
	return lineOf(m), nil
}

// lineOf is the line of a match of linePattern.
func lineOf(m []string) (l Line) {
	if m == nil {
		return l
	}
	l.major, _ = strconv.ParseUint(m[2], 10, 64) // the pattern admits digits only
	l.numbers = 1
	if m[4] != "" {
		l.minor, _ = strconv.ParseUint(m[4], 10, 64)
		l.numbers = 2
	}
	return l
}

// LineOfBranch is the line of releases that a branch is named for: 1.2 for release-1.2, release/v1.2, stable-1.2.x, 1.2.x and v1.2, and 1
// for release-1, v1 and 1.x; also with the prefix of the tags before or after the word. It is the zero value for all other names, such
// as main and fix-12.
func (s Tags) LineOfBranch(branch string) Line {
	name := strings.TrimPrefix(branch, s.Prefix)
	rest := releaseWords.ReplaceAllString(name, "")
	m := linePattern.FindStringSubmatch(strings.TrimPrefix(rest, s.Prefix))
	if m != nil && m[1] == "" && m[3] == "" && rest == name {
		return Line{} // a number alone may be anything
	}
	return lineOf(m)
}

// IsZero reports whether the line has all versions.
func (l Line) IsZero() bool { return l.numbers == 0 }

func (l Line) String() string {
	switch l.numbers {
	case 0:
		return ""
	case 1:
		return strconv.FormatUint(l.major, 10)
	}
	return fmt.Sprintf("%d.%d", l.major, l.minor)
}

// compare is -1 for a version below the line, 0 for one in it, +1 for one above it.
func (l Line) compare(t parsedTag) int {
	switch {
	case l.numbers == 0:
		return 0
	case t.major != l.major || l.numbers == 1:
		return cmp.Compare(t.major, l.major)
	}
	return cmp.Compare(t.minor, l.minor)
}

// minorLine is the line of the first two numbers of a version.
func minorLine(t parsedTag) Line { return Line{t.major, t.minor, 2} }
