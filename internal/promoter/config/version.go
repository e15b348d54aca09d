package config

import (
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Version defines how the versions of builds are derived.
type Version struct {
	// Scheme of the versions: semver, where a development build sorts after the last release and before the next one, or legacy,
	// where it sorts below the release that it follows. Default: semver.
	Scheme version.Scheme `yaml:"scheme"`
	// TagPrefix is the text before the version in the tags of releases: app- for app-1.2.3, app/ for app/v1.2.3. Tags without it are
	// no versions, and images and charts are named without it. Default: none, a tag is a version and nothing else.
	TagPrefix string `yaml:"tagPrefix"`
	// Line is the line of releases, such as 1.2 or 1, to which the branch that has this file belongs. Versions on that branch stay in the
	// line, while other branches count up from the highest version of all. Default: the line that the branch is named for, such as
	// release-1.2, stable/1.2.x, v1.2 or 1.x, and none for other names.
	Line string `yaml:"line"`
}

// Tags selects the tags of releases.
func (v Version) Tags() version.Tags { return version.Tags{Prefix: v.TagPrefix, Line: v.Line} }

func (v Version) validate() error {
	if v.Scheme != version.SemVer && v.Scheme != version.Legacy {
		return fmt.Errorf("version.scheme %q: use semver or legacy", v.Scheme)
	}
	if err := version.CheckPrefix(v.TagPrefix); err != nil {
		return fmt.Errorf("version.tagPrefix: %w", err)
	}
	if _, err := version.ParseLine(v.Line); err != nil {
		return fmt.Errorf("version.line: %w", err)
	}
	return nil
}
