// Package version derives the versions of a build from the facts that git and the CI
// engine provide about its commit. It is pure: no git, no environment, no clock.
package version

import (
	"fmt"
	"regexp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Facts are the known facts about the commit that is built.
type Facts struct {
	// Tags selects the tags that are versions.
	Tags Tags
	// Commit is the full hash, 40 (SHA-1) or 64 (SHA-256) hex digits.
	Commit string
	// Tag is the tag that is built, "" if the build is not for a tag.
	Tag string
	// BaseTag is the version tag that a development build sorts above, "" if there is
	// none: the highest, not the nearest, of those that the commit does not precede
	// (History.Base). A merged hotfix 1.0.1 is nearer than 1.1.0, and a development
	// version built on it would sort below 1.1.0.
	BaseTag string
	// Distance is the number of commits in the history of the commit that BaseTag
	// does not have, of all when there is no BaseTag.
	Distance int
	// Unconfirmed is why it could not be found out whether the remote has tags where
	// the clone has none, "" if it could.
	Unconfirmed string
	// Dirty means that the working tree differs from the commit.
	Dirty bool
	// Shallow means that the history is incomplete, so that BaseTag and Distance
	// may be wrong.
	Shallow bool
}

// Scheme is how the chart version of a development build is derived.
type Scheme string

const (
	// SemVer gives X.Y.(Z+1)-dev.<distance>.g<hash>, which sorts in commit order
	// between the release it follows and the next. The default.
	SemVer Scheme = "semver"
	// Legacy gives <last tag>-dev<hash>. It sorts below the release that it follows,
	// and hashes have no order; it exists for repositories that use it already.
	Legacy Scheme = "legacy"
)

// Version holds the names of a build.
type Version struct {
	// ImageTag is the name of the tag for a release (Tags.Name), otherwise the short hash.
	ImageTag string `json:"imageTag"`
	// Chart is the chart's version; strict SemVer with the scheme SemVer.
	Chart string `json:"chartVersion"`
	// App is the chart's appVersion: what ImageTag is. With Tags.Tag it is a revision that git can check out.
	App string `json:"appVersion"`
	// Commit is the full hash.
	Commit string `json:"commit"`
	// Release is true for a tag X.Y or X.Y.Z, and for nothing else.
	Release bool `json:"release"`
	// Prerelease is true for a tag such as 1.0.0-rc.1.
	Prerelease bool `json:"prerelease"`
}

// Errors of this package; test for them with errors.Is.
var (
	ErrShallow     = failure.New(failure.BadInput, "the history is cut off (shallow clone), so the commits since the last release cannot be counted: fetch all of it with `git fetch --unshallow --tags`")
	ErrDirty       = failure.New(failure.BadInput, "the working tree has uncommitted changes, so no version would identify the build: commit or stash them")
	ErrNotAVersion = failure.New(failure.BadInput, "not a version")
	ErrBadCommit   = failure.New(failure.BadInput, "not a full commit hash")
	ErrBadScheme   = failure.New(failure.BadInput, "unknown version scheme: use semver or legacy")
)

// ShortHashLength is the number of digits of a hash in names.
const ShortHashLength = 7

var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Derive returns the version of a build. A tag that is not a version is built like any other
// commit. Errors: ErrBadCommit, ErrBadScheme, ErrDirty, ErrShallow (development
// builds only: a tag needs no history), ErrNotAVersion for a BaseTag that is not a version, and
// for a Tag that is written like one (Tags.IsIntended).
func Derive(f Facts, s Scheme) (Version, error) {
	if s == "" {
		s = SemVer
	}
	switch {
	case s != SemVer && s != Legacy:
		return Version{}, fmt.Errorf("%q: %w", s, ErrBadScheme)
	case !commitPattern.MatchString(f.Commit):
		return Version{}, fmt.Errorf("%q: %w", f.Commit, ErrBadCommit)
	case f.Dirty:
		return Version{}, ErrDirty
	}
	if t, ok := f.Tags.parse(f.Tag); ok {
		name := f.Tags.Name(f.Tag)
		v := Version{ImageTag: name, Chart: t.String(), App: name, Commit: f.Commit, Release: t.pre == "", Prerelease: t.pre != ""}
		if s == Legacy {
			v.Chart = name
		}
		return v, nil
	}
	if f.Tags.IsIntended(f.Tag) {
		return Version{}, fmt.Errorf("tag %q: %w: %s", f.Tag, ErrNotAVersion, f.Tags.Reason(f.Tag))
	}
	if f.Shallow {
		return Version{}, ErrShallow
	}
	chart, err := development(f, s)
	if err != nil {
		return Version{}, err
	}
	short := f.Commit[:ShortHashLength]
	return Version{ImageTag: short, Chart: chart, App: short, Commit: f.Commit}, nil
}

func development(f Facts, s Scheme) (string, error) {
	base, ok := f.Tags.parse(f.BaseTag)
	if f.BaseTag != "" && !ok {
		return "", fmt.Errorf("tag %q: %w", f.BaseTag, ErrNotAVersion)
	}
	short := f.Commit[:ShortHashLength]
	if s == Legacy {
		last := f.Tags.Name(f.BaseTag)
		if last == "" {
			last = "0.0.0"
		}
		return last + "-dev" + short, nil
	}
	// Without the g, a hash of digits with a leading zero would be an invalid
	// number (https://github.com/helm/helm/issues/7064). The dots make the distance compare as a number.
	dev := fmt.Sprintf("dev.%d.g%s", max(f.Distance, 0), short)
	if base.pre != "" {
		// The 0 sorts below anything that the next prerelease appends: rc.1.0.dev.5
		// is before rc.1.1 and beta.0.dev.5 before beta.1, as in Go's
		// pseudo-versions.
		base.pre += ".0." + dev
	} else {
		base.patch++
		base.pre = dev
	}
	return base.String(), nil
}
