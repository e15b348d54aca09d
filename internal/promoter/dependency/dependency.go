// Package dependency builds the charts that a chart depends on and that git does not have, as `helm dependency build` does: from the
// lock file, or from a directory of the same commit. The same commit gives the same bytes, and what comes from a repository is kept in
// a cache.
package dependency

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// Errors of Build; test for them with errors.Is.
var (
	// ErrNotLocked: another run could get another version.
	ErrNotLocked = failure.New(failure.BadInput, "the version of a dependency is not locked: run `helm dependency update` and commit Chart.lock")
	// ErrNoVersion: the repository lacks what is locked.
	ErrNoVersion = failure.New(failure.BadInput, "the repository of a dependency does not have the version: check Chart.lock")
	// ErrRepository: the repository cannot be reached, denies access, or does not return what its index promises.
	ErrRepository = failure.New(failure.External, "the repository of a dependency cannot be used")
	// ErrNoName: a dependency refers to a repository by a name that the configuration does not have.
	ErrNoName = failure.New(failure.BadInput, "no repository has this name: add it to dependencies.repositories with name and url")
)

// Repository is a chart repository with a name or with a login.
type Repository struct {
	// Name is what @name and alias:name refer to.
	Name string
	// URL is its address, https://… or oci://….
	URL string
	// User and Password are sent to this repository alone. Printing them shows nothing.
	User     string
	Password Secret
}

// Secret is a text that is not printed.
type Secret string

func (Secret) String() string { return "(hidden)" }

// GoString is String: %#v must not show it either.
func (s Secret) GoString() string { return s.String() }

// Builder builds dependencies.
type Builder struct {
	// Repositories that have a name or a login.
	Repositories []Repository
	// Cache is a directory for what was downloaded; empty is none.
	Cache string
	// Access is how registries are reached.
	Access image.Access
	// Transport is for tests; nil is image.DefaultTransport.
	Transport http.RoundTripper
	// Log gets one line for each chart that is downloaded. Nil is silent.
	Log func(string)
}

// Source is the directory of a commit that a chart is in.
type Source struct {
	// Top is the directory; nothing outside of it is read.
	Top string
	// Need makes sure that a path of the commit exists below Top; nil if all of them do.
	Need func(ctx context.Context, path string) error
}

// Build returns the packages that charts/ of the chart in dir lacks, by their paths in the chart. Errors: those of this package,
// chart.ErrNoChart, chart.ErrUnsafe, and chart.ErrWrongDependency for a directory that has another version than the chart declares.
func (b Builder) Build(ctx context.Context, dir string, from Source) (map[string][]byte, error) {
	var err error
	for _, path := range []*string{&dir, &from.Top} { // to compare them
		if *path, err = filepath.EvalSymlinks(*path); err == nil {
			*path, err = filepath.Abs(*path)
		}
		if err != nil {
			return nil, fmt.Errorf("read the chart's directory: %w: %w", chart.ErrNoChart, err)
		}
	}
	r := run{Builder: b, from: from, indexes: map[string][]byte{}}
	return r.build(ctx, dir, nil)
}

// run is one call of Build.
type run struct {
	Builder
	from    Source
	indexes map[string][]byte
}

// build is Build for a chart that the charts in the directories parents depend on.
func (r *run) build(ctx context.Context, dir string, parents []string) (map[string][]byte, error) {
	if slices.Contains(parents, dir) {
		return nil, fmt.Errorf("the chart in %s depends on itself; remove one of the dependencies: %w", path.Base(dir), chart.ErrNoChart)
	}
	declared, found, err := chart.ReadDependencies(dir, r.from.Top)
	if err != nil {
		return nil, err
	}
	built := map[string][]byte{}
	for _, dep := range declared.Required {
		if slices.ContainsFunc(found, func(s chart.Subchart) bool { return s.Name == dep.Name }) || dep.Repository == "" {
			continue // Pack checks what charts/ has
		}
		var p *chart.Package
		if local, ok := strings.CutPrefix(dep.Repository, "file://"); ok {
			p, err = r.local(ctx, dir, local, dep, append(slices.Clone(parents), dir))
		} else {
			p, err = r.locked(ctx, declared, dep)
		}
		if err != nil {
			return nil, fmt.Errorf("the dependency %s: %w", dep.Name, err)
		}
		built["charts/"+p.Filename()] = p.Bytes
	}
	return built, nil
}

// local packages a directory of the same commit.
func (r *run) local(ctx context.Context, dir, local string, dep *chart.Dependency, parents []string) (*chart.Package, error) {
	at := filepath.Join(dir, filepath.FromSlash(local))
	rel, err := filepath.Rel(r.from.Top, at)
	if err != nil || filepath.IsAbs(local) || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s leads out of the repository; move the chart into it or publish it: %w", dep.Repository, chart.ErrUnsafe)
	}
	if r.from.Need != nil {
		if err := r.from.Need(ctx, filepath.ToSlash(rel)); err != nil {
			return nil, err
		}
	}
	real, err := filepath.EvalSymlinks(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist in this commit: %w", dep.Repository, chart.ErrMissingDependency)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", dep.Repository, chart.ErrNoChart, err)
	}
	if rel, err := filepath.Rel(r.from.Top, real); err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s is a link that leads out of the repository; put the chart there: %w", dep.Repository, chart.ErrUnsafe)
	}
	nested, err := r.build(ctx, real, parents)
	if err != nil {
		return nil, err
	}
	p, err := chart.PackWith(real, chart.PackOptions{Within: r.from.Top, Extra: nested})
	if err != nil {
		return nil, err
	}
	if p.Name != dep.Name || !chart.Accepts(dep.Version, p.Version) {
		return nil, fmt.Errorf("%s is %s %s, but the chart depends on version %q of %s: %w", dep.Repository, p.Name, p.Version, dep.Version, dep.Name, chart.ErrWrongDependency)
	}
	return p, nil
}

// locked is the package of the version that the lock file names, or the constraint itself if only one version satisfies it.
func (r *run) locked(ctx context.Context, declared *chart.Declared, dep *chart.Dependency) (*chart.Package, error) {
	version := dep.Version
	if l := declared.LockedFor(dep); l != nil {
		version = l.Version
	} else if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err != nil {
		if declared.Locked != nil {
			return nil, fmt.Errorf("Chart.lock has no version that %q accepts: %w", dep.Version, ErrNotLocked)
		}
		return nil, fmt.Errorf("there is no Chart.lock, and %q accepts many versions: %w", dep.Version, ErrNotLocked)
	}
	repo, err := r.repository(dep.Repository)
	if err != nil {
		return nil, err
	}
	if p := r.cached(repo.URL, dep.Name, version); p != nil {
		return p, nil
	}
	fetch := r.fromIndex
	if strings.HasPrefix(repo.URL, "oci://") {
		fetch = r.fromRegistry
	}
	data, err := fetch(ctx, repo, dep.Name, version)
	if err != nil {
		return nil, err
	}
	p, err := chart.ReadPackage(data)
	if err != nil {
		return nil, fmt.Errorf("%s %s of %s: %w: %w", dep.Name, version, repo.URL, ErrRepository, err)
	}
	if !isVersion(p, dep.Name, version) {
		return nil, fmt.Errorf("%s returns %s %s in place of %s %s: %w", repo.URL, p.Name, p.Version, dep.Name, version, ErrRepository)
	}
	if r.Log != nil {
		r.Log(fmt.Sprintf("downloaded the dependency %s %s from %s", p.Name, p.Version, repo.URL))
	}
	return p, r.cache(repo.URL, dep.Name, version, data)
}

func isVersion(p *chart.Package, name, version string) bool {
	return p.Name == name && strings.TrimPrefix(p.Version, "v") == strings.TrimPrefix(version, "v")
}

// repository finds the repository that a dependency names, with its login.
func (b Builder) repository(named string) (Repository, error) {
	name, isName := strings.CutPrefix(named, "@")
	if !isName {
		name, isName = strings.CutPrefix(named, "alias:")
	}
	for _, r := range b.Repositories {
		r.URL = strings.TrimRight(r.URL, "/")
		if isName && r.Name == name && name != "" {
			return r, nil
		}
		if !isName && isBelow(named, r.URL) {
			r.URL = strings.TrimRight(named, "/")
			return r, nil
		}
	}
	if isName {
		return Repository{}, fmt.Errorf("%s: %w", named, ErrNoName)
	}
	if !slices.ContainsFunc([]string{"http://", "https://", "oci://"}, func(s string) bool { return strings.HasPrefix(named, s) }) {
		return Repository{}, fmt.Errorf("%q is not the address of a chart repository; use https://, oci:// or file://: %w", named, chart.ErrNoChart)
	}
	return Repository{URL: strings.TrimRight(named, "/")}, nil
}

// isBelow reports whether an address is another one or a path below it, on the same host. One with steps up leads elsewhere.
func isBelow(address, base string) bool {
	u, err := url.Parse(address)
	if err != nil || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return false
	}
	return address == base || strings.HasPrefix(address, base+"/")
}

// Missing are the names of the dependencies that a chart in dir declares, that charts/ does not have, and that no directory of the same
// commit has: what only a repository has; within is that of chart.PackOptions. Errors: chart.ErrNoChart, chart.ErrUnsafe.
func Missing(dir, within string) ([]string, error) {
	declared, found, err := chart.ReadDependencies(dir, within)
	if err != nil {
		return nil, err
	}
	missing := map[string]bool{}
	for _, dep := range declared.Required {
		if chart.IsRemote(dep) && !slices.ContainsFunc(found, func(s chart.Subchart) bool { return s.Name == dep.Name }) {
			missing[dep.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(missing)), nil
}

func readFile(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}
