package config

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// OwnVersion is where the version of a chart comes from that is not its program's.
type OwnVersion struct {
	// From is tags for a version that follows the chart's own tags, or file for the version that Chart.yaml has: the commit that sets a
	// higher version is its release and needs no tag, a change of the chart without a higher version there is rejected, and
	// `chart-promoter release --chart NAME` raises it. Default: tags.
	From string `yaml:"from"`
	// TagPrefix is the text before the version in the chart's tags. Default: the chart's name and a hyphen, as in api-1.4.0.
	TagPrefix string `yaml:"tagPrefix"`
}

// Values of OwnVersion.From.
const (
	FromTags = "tags"
	FromFile = "file"
)

// Tags selects the chart's own tags.
func (v *OwnVersion) Tags() version.Tags { return version.Tags{Prefix: v.TagPrefix} }

// ChartTags selects the tags that the chart's version follows.
func (c *Config) ChartTags() version.Tags {
	if v := c.Chart.Version; v != nil {
		return v.Tags()
	}
	return c.Version.Tags()
}

// PerChart returns a configuration for each chart of charts, in their order, with the stages as they are for this chart; the
// configuration itself if it has one chart.
func (c *Config) PerChart() []*Config {
	if len(c.Charts) == 0 {
		return []*Config{c}
	}
	list := make([]*Config, 0, len(c.Charts))
	for i := range c.Charts {
		list = append(list, c.forChart(c.Charts[i]))
	}
	return list
}

// Whole is the configuration that PerChart was called on.
func (c *Config) Whole() *Config {
	if c.whole != nil {
		return c.whole
	}
	return c
}

// Label is the name of the chart where there are several, otherwise the pipeline's.
func (c *Config) Label() string {
	if c.Chart.Name != "" {
		return c.Chart.Name
	}
	return c.Name
}

// forChart is the configuration of one chart. What it changes are copies: the other charts share the rest.
func (c *Config) forChart(chart Chart) *Config {
	one := *c
	one.whole, one.Charts, one.Chart = c, nil, chart
	one.Stages = slices.Clone(c.Stages)
	if chart.Build != nil {
		b := one.Builder()
		if b == nil {
			b = &one.Stages[0]
		}
		b.Build = chart.Build
		// The chart and its program are released together.
		one.Version.TagPrefix, one.Chart.Version = chart.Version.TagPrefix, nil
		one.Version.Line = "" // of the program's tags
	}
	for i := range one.Stages {
		one.Stages[i].adapt(chart)
	}
	one.Stages = slices.DeleteFunc(one.Stages, func(s Stage) bool { return s.isEmpty() && len(one.Stages) > 1 })
	one.setDefaults()
	return &one
}

// SharesBuild reports whether what a stage builds for this chart is the same for other charts too.
func (c *Config) SharesBuild() bool {
	return c.whole != nil && c.Chart.Build == nil && c.Builder() != nil
}

// isEmpty is a stage that exists for the builds of some charts only.
func (s *Stage) isEmpty() bool {
	return s.Build == nil && s.Candidate == nil && s.Verify == nil && s.Publish == nil && s.Guards == nil
}

// adapt makes a stage one of a chart among several.
func (s *Stage) adapt(chart Chart) {
	if s.Candidate != nil {
		own := *s.Candidate
		own.Path = path.Join(filepath.ToSlash(own.Path), chart.Name)
		s.Candidate = &own
	}
	if s.Guards != nil {
		own := *s.Guards
		s.Guards = &own
	}
	if s.Verify == nil {
		return
	}
	own := *s.Verify
	first := s.Candidate != nil
	if chart.Install != nil && first {
		own.Install = *chart.Install
	} else if chart.Install != nil {
		own.Install = chart.Install.under(own.Install)
	}
	if chart.Test != nil && (first || own.Test == nil) {
		own.Test = chart.Test
	}
	if own.Install.Release == "" {
		own.Install.Release = chart.Name
	}
	if own.Install.Namespace == "" {
		own.Install.Namespace = chart.Name
	}
	s.Verify = &own
}

// under is an installation with what a stage sets over it.
func (in Install) under(stage Install) Install {
	in.Release, in.Namespace = cmp.Or(stage.Release, in.Release), cmp.Or(stage.Namespace, in.Namespace)
	in.Timeout = cmp.Or(stage.Timeout, in.Timeout)
	if len(stage.Values) > 0 {
		in.Values = OverValues(in.Values, stage.Values)
	}
	if stage.ValuesFiles != nil {
		in.ValuesFiles = stage.ValuesFiles
	}
	return in
}

func (c *Config) setChartDefaults() {
	for i := range c.Charts {
		ch := &c.Charts[i]
		if ch.Name == "" {
			ch.Name = path.Base(path.Clean(filepath.ToSlash(ch.Path)))
		}
		if ch.Version == nil {
			ch.Version = &OwnVersion{}
		}
		ch.Version.setDefaults(ch.Name)
	}
	if v := c.Chart.Version; v != nil && c.whole == nil {
		name := path.Base(path.Clean(filepath.ToSlash(c.Chart.Path)))
		if name == "." { // at the top of the repository
			name = c.Name
		}
		v.setDefaults(name)
	}
}

func (v *OwnVersion) setDefaults(name string) {
	if v.From == "" {
		v.From = FromTags
	}
	if v.TagPrefix == "" {
		v.TagPrefix = name + "-"
	}
}

func (c *Config) validateCharts() error {
	if len(c.Charts) == 0 {
		return c.Chart.validate("chart", c.whole != nil)
	}
	if !reflect.DeepEqual(c.Chart, Chart{}) {
		return fmt.Errorf("chart and charts exclude each other; move chart to the list of charts")
	}
	names, paths := map[string]bool{}, map[string]bool{}
	for i := range c.Charts {
		ch := &c.Charts[i]
		at := fmt.Sprintf("charts[%d]", i)
		dir := path.Clean(filepath.ToSlash(ch.Path))
		switch {
		case ch.Path == "" || dir == ".":
			return fmt.Errorf("%s requires path, the directory of the chart", at)
		case !namePattern.MatchString(ch.Name):
			return fmt.Errorf("%s: the name %q: set name to at most 30 lower case letters, digits and hyphens", at, ch.Name)
		case slices.Contains(c.reservedNames(), ch.Name):
			return fmt.Errorf("%s: the name %q has a meaning of its own in the work directory, where each chart has a directory; set another name", at, ch.Name)
		case names[ch.Name]:
			return fmt.Errorf("%s: the name %q occurs twice; set another name", at, ch.Name)
		case paths[dir]:
			return fmt.Errorf("%s: the path %q occurs twice; remove one of the charts", at, ch.Path)
		}
		names[ch.Name], paths[dir] = true, true
		if err := ch.validate(at, true); err != nil {
			return err
		}
	}
	for _, one := range c.PerChart() {
		if err := one.validateStages(); err != nil {
			return fmt.Errorf("chart %s: %w", one.Chart.Name, err)
		}
	}
	return nil
}

// reservedNames are the files and directories that all charts share in the work directory, beside those of the charts.
func (c *Config) reservedNames() []string {
	names := []string{"cluster", "lock", "source"}
	if b := c.Builder(); b != nil {
		for _, i := range b.Build.All() {
			names = append(names, "image-"+i.Name)
		}
	}
	return names
}

func (c *Chart) validate(at string, several bool) error {
	if leavesRoot(c.Path) {
		return fmt.Errorf("%s.path %q is outside the repository; use a path within it", at, c.Path)
	}
	if !several && (c.Name != "" || c.Build != nil || c.Install != nil || c.Test != nil) {
		return fmt.Errorf("name, build, install and test are for the list charts; with one chart they belong to the stages")
	}
	for _, p := range c.Sources {
		if leavesRoot(p) || path.Clean(filepath.ToSlash(p)) == "." {
			return fmt.Errorf("%s.sources: %q is not a path within the repository", at, p)
		}
	}
	if v := c.Version; v != nil {
		if v.From != FromTags && v.From != FromFile {
			return fmt.Errorf("%s.version.from %q: use tags or file", at, v.From)
		}
		if v.From == FromFile && c.Build != nil {
			return fmt.Errorf("%s: build excludes version.from file; the image is named by the chart's tags", at)
		}
		if c.Path == "" {
			return fmt.Errorf("%s.version requires %s.path, as the chart's commits are counted there", at, at)
		}
		if err := version.CheckPrefix(v.TagPrefix); err != nil {
			return fmt.Errorf("%s.version.tagPrefix: %w", at, err)
		}
	}
	if c.Build != nil {
		if err := c.Build.validate(); err != nil {
			return fmt.Errorf("%s.%w", at, err)
		}
	}
	if err := c.validateAfter(); err != nil {
		return err
	}
	return c.Fields.validate()
}

// AppVersionIsSource reports whether appVersion of a candidate names the commit that it was built from. Otherwise it is a version of
// another program, or of another commit, and only the message of the candidate names the commit.
func (c *Config) AppVersionIsSource() bool {
	switch {
	case c.Chart.Path == "":
		return true
	case c.Chart.Fields != nil:
		return c.Chart.Fields["Chart.yaml"]["appVersion"] == AppVersion && c.Chart.Version == nil
	}
	return c.Chart.Version == nil
}
