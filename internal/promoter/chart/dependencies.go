package chart

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrWrongDependency: charts/ holds another version than the chart declares, so that other content would be released than the one
// that Chart.yaml and Chart.lock name.
var ErrWrongDependency = failure.New(failure.BadInput, "charts/ differs from what the chart declares: run `helm dependency update` and commit the result")

// Declared are the dependencies that a chart declares.
type Declared struct {
	// Required are those of Chart.yaml, or of requirements.yaml in a chart of apiVersion v1. Their versions are constraints.
	Required []*Dependency
	// Locked are those of Chart.lock or requirements.lock with exact versions, nil without such a file.
	Locked []*Dependency
}

// Subchart is a chart in charts/.
type Subchart struct{ Name, Version string }

func (s Subchart) String() string { return s.Name + " " + s.Version }

// ReadDeclared reads the dependencies that a chart declares; file returns the content of one of its files, nil if it has none of
// this name. Error: ErrNoChart.
func ReadDeclared(file func(name string) []byte) (*Declared, error) {
	d := new(Declared)
	for _, f := range []struct {
		name string
		list *[]*Dependency
	}{
		{"Chart.yaml", &d.Required}, {"requirements.yaml", &d.Required}, {"Chart.lock", &d.Locked}, {"requirements.lock", &d.Locked},
	} {
		data := file(f.name)
		if data == nil {
			continue
		}
		var content struct {
			Dependencies []*Dependency `json:"dependencies"`
		}
		if err := yaml.Unmarshal(data, &content); err != nil {
			return nil, fmt.Errorf("read %s: %w: %w", f.name, ErrNoChart, err)
		}
		for i, dep := range content.Dependencies {
			if dep == nil || dep.Name == "" {
				return nil, fmt.Errorf("dependency %d of %s has no name: %w", i+1, f.name, ErrNoChart)
			}
		}
		*f.list = append(*f.list, content.Dependencies...)
	}
	return d, nil
}

// LockedFor returns the entry of the lock file for a dependency, nil if there is none that fits.
func (d *Declared) LockedFor(dep *Dependency) *Dependency {
	i := slices.IndexFunc(d.Locked, func(l *Dependency) bool { return l.Name == dep.Name && Accepts(dep.Version, l.Version) })
	if i < 0 {
		return nil
	}
	return d.Locked[i]
}

// IsRemote reports whether a dependency comes from a chart repository or a registry, not from a directory beside it.
func IsRemote(d *Dependency) bool {
	return d.Repository != "" && !strings.HasPrefix(d.Repository, "file://")
}

// Accepts reports whether a version satisfies the constraint of a dependency, as Helm reads it. An empty constraint accepts all.
func Accepts(constraint, version string) bool {
	if constraint == "" || constraint == version {
		return true
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	c, err := semver.NewConstraint(constraint)
	return err == nil && c.Check(v)
}

// Check compares the dependencies with what is in charts/. Subcharts that are not declared are allowed. Errors:
// ErrMissingDependency, ErrWrongDependency.
func (d *Declared) Check(found []Subchart) error {
	for _, dep := range d.Required {
		var fit, others []Subchart
		for _, s := range found {
			switch {
			case s.Name != dep.Name:
			case Accepts(dep.Version, s.Version):
				fit = append(fit, s)
			default:
				others = append(others, s)
			}
		}
		switch {
		case len(fit) == 0 && len(others) == 0:
			return fmt.Errorf("%s %s: %w", dep.Name, dep.Version, ErrMissingDependency)
		case len(fit) == 0:
			return fmt.Errorf("charts/ has %s, but the chart depends on version %q: %w", others[0], dep.Version, ErrWrongDependency)
		case len(fit) > 1:
			return fmt.Errorf("charts/ has both %s and %s for one dependency: %w", fit[0], fit[1], ErrWrongDependency)
		}
		if err := d.checkLocked(dep, fit[0]); err != nil {
			return err
		}
	}
	return d.checkStale(found)
}

// checkLocked compares the version of a subchart from a repository with the lock file. What comes from a directory of the same commit
// has the version that it has there.
func (d *Declared) checkLocked(dep *Dependency, s Subchart) error {
	if !IsRemote(dep) {
		return nil
	}
	var locked []string
	for _, l := range d.Locked {
		if l.Name == dep.Name {
			locked = append(locked, l.Version)
		}
	}
	if len(locked) == 0 || slices.ContainsFunc(locked, func(v string) bool { return v == s.Version || equalVersions(v, s.Version) }) {
		return nil
	}
	return fmt.Errorf("charts/ has %s, but the lock file names version %s: %w", s, strings.Join(locked, ", "), ErrWrongDependency)
}

// checkStale rejects a subchart of a declared name that no declaration accepts: Helm installs it beside the right one.
func (d *Declared) checkStale(found []Subchart) error {
	for _, s := range found {
		declared := func(dep *Dependency) bool { return dep.Name == s.Name }
		accepted := func(dep *Dependency) bool { return declared(dep) && Accepts(dep.Version, s.Version) }
		if slices.ContainsFunc(d.Required, declared) && !slices.ContainsFunc(d.Required, accepted) {
			return fmt.Errorf("charts/ has also %s, which no dependency accepts: %w", s, ErrWrongDependency)
		}
	}
	return nil
}

func equalVersions(a, b string) bool {
	x, xerr := semver.NewVersion(a)
	y, yerr := semver.NewVersion(b)
	return xerr == nil && yerr == nil && x.Equal(y)
}

// ReadDependencies reads what the chart in dir declares, and what its charts directory has; within is that of PackOptions. Errors:
// ErrNoChart, ErrUnsafe.
func ReadDependencies(dir, within string) (*Declared, []Subchart, error) {
	files, err := collect(dir, within)
	if err != nil {
		return nil, nil, err
	}
	name, err := nameIn(files, dir)
	if err != nil {
		return nil, nil, err
	}
	tgz, err := archive(name, files)
	if err != nil {
		return nil, nil, err
	}
	return readDependencies(files, tgz)
}

func readDependencies(files map[string][]byte, tgz []byte) (*Declared, []Subchart, error) {
	declared, err := ReadDeclared(func(name string) []byte { return files[name] })
	if err != nil {
		return nil, nil, err
	}
	c, err := reader.Load(tgz)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoChart, err)
	}
	var found []Subchart
	for _, sub := range c.Subcharts {
		found = append(found, Subchart{sub.Name, sub.Version})
	}
	slices.SortFunc(found, func(a, b Subchart) int { return strings.Compare(a.String(), b.String()) })
	return declared, found, nil
}
