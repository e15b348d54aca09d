// Package change finds the charts of a repository that a commit changes: those whose files, or the files of a chart that they depend
// on, differ from those of their last release.
package change

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Charts are the charts of a configuration in a source repository, as they are in the commit that is checked out.
type Charts struct {
	repo   *gitrepo.Repo
	whole  *config.Config
	charts []*config.Config
	// meta are the Chart.yaml files that were read, by directory; nil for a directory without one.
	meta map[string]*chart.Metadata
}

// Open reads the Chart.yaml files of the charts and of their file:// dependencies. Errors: chart.ErrNoChart and those of gitrepo.
func Open(ctx context.Context, dir string, git gitrepo.Options, c *config.Config) (*Charts, error) {
	r, err := gitrepo.Open(ctx, dir, git)
	if err != nil {
		return nil, err
	}
	s := &Charts{repo: r, whole: c.Whole(), charts: c.Whole().PerChart(), meta: map[string]*chart.Metadata{}}
	var dirs []string
	for _, one := range s.charts {
		if one.Chart.Path != "" {
			dirs = append(dirs, clean(one.Chart.Path))
		}
	}
	if err := s.read(ctx, dirs); err != nil {
		return nil, err
	}
	for _, one := range s.charts {
		if d := clean(one.Chart.Path); one.Chart.Path != "" && s.meta[d] == nil {
			return nil, fmt.Errorf("%w: the commit has no Chart.yaml in %s; correct the path in the configuration, or commit the chart", chart.ErrNoChart, d)
		}
	}
	return s, nil
}

// read reads the metadata of directories, then of those that they depend on.
func (s *Charts) read(ctx context.Context, dirs []string) error {
	for len(dirs) > 0 {
		names := make([]string, len(dirs))
		for i, d := range dirs {
			names[i] = "HEAD:" + path.Join(d, "Chart.yaml")
		}
		objects, err := s.repo.Objects(ctx, true, names...)
		if err != nil {
			return err
		}
		var next []string
		for i, d := range dirs {
			s.meta[d] = nil
			if objects[i].Hash == "" {
				continue
			}
			if s.meta[d], err = chart.ReadMetadata(objects[i].Content); err != nil {
				return fmt.Errorf("%s: %w", path.Join(d, "Chart.yaml"), err)
			}
			for _, on := range s.dependencies(d) {
				if _, known := s.meta[on]; !known && !slices.Contains(next, on) {
					next = append(next, on)
				}
			}
		}
		dirs = slices.DeleteFunc(next, func(d string) bool { _, known := s.meta[d]; return known })
	}
	return nil
}

func clean(p string) string { return path.Clean(filepath.ToSlash(p)) }

// dependencies are the directories of this repository that a chart depends on: by file://, or by the address at which this very
// configuration publishes.
func (s *Charts) dependencies(dir string) (list []string) {
	m := s.meta[dir]
	if m == nil {
		return nil
	}
	for _, d := range m.Dependencies {
		if d == nil {
			continue
		}
		if rel, ok := strings.CutPrefix(d.Repository, "file://"); ok {
			if on := path.Join(dir, rel); !path.IsAbs(rel) && on != ".." && !strings.HasPrefix(on, "../") && on != dir {
				list = append(list, on)
			}
			continue
		}
		if !s.publishedHere(d.Repository) {
			continue
		}
		for _, one := range s.charts {
			on := clean(one.Chart.Path)
			if other := s.meta[on]; other != nil && other.Name == d.Name && on != dir {
				list = append(list, on)
			}
		}
	}
	return list
}

// publishedHere reports whether an address is that of a publishing stage.
func (s *Charts) publishedHere(address string) bool {
	address = strings.TrimSuffix(address, "/")
	for _, p := range s.whole.Publishers() {
		if address != "" && (address == strings.TrimSuffix(p.Publish.URL, "/") || address == strings.TrimSuffix(p.Publish.OCI, "/")) {
			return true
		}
	}
	return false
}

// Paths are the paths of the repository whose changes are changes of a chart; nil stands for the whole repository.
func (s *Charts) Paths(c *config.Config) []string {
	if c.Builder() != nil && len(c.Chart.Sources) == 0 {
		return nil
	}
	list := []string{clean(c.Chart.Path)}
	for _, p := range c.Chart.Sources {
		list = append(list, clean(p))
	}
	for i := 0; i < len(list); i++ {
		for _, on := range s.dependencies(list[i]) {
			if !slices.Contains(list, on) {
				list = append(list, on)
			}
		}
	}
	return list
}

// Metadata is the Chart.yaml of a chart in the commit.
func (s *Charts) Metadata(c *config.Config) *chart.Metadata { return s.meta[clean(c.Chart.Path)] }

// Chart is a chart that is changed, and why.
type Chart struct {
	Config *config.Config `json:"-"`
	Name   string         `json:"chart"`
	Path   string         `json:"path"`
	// Since is the tag or the commit that the chart was compared with, empty for a chart that has no release.
	Since string `json:"since,omitempty"`
	// Why is one sentence about the change.
	Why string `json:"why"`
}

// Changed returns the charts that differ from their last release; for the build of a release tag, the charts of this tag. With since,
// a branch, tag or commit, they are compared with the commit at which the history left since. Errors: gitrepo.ErrNoRef.
func (s *Charts) Changed(ctx context.Context, build ci.Build, since string) ([]Chart, error) {
	bases, err := s.bases(ctx, build, since)
	if err != nil {
		return nil, err
	}
	var names []string
	for i, one := range s.charts {
		if bases[i].compare() {
			for _, p := range s.objects(one) {
				names = append(names, bases[i].ref+string(p), "HEAD"+string(p))
			}
		}
	}
	objects, err := s.repo.Objects(ctx, false, names...)
	if err != nil {
		return nil, err
	}
	var list []Chart
	for i, one := range s.charts {
		c := Chart{Config: one, Name: one.Label(), Path: clean(one.Chart.Path), Since: bases[i].name, Why: bases[i].why}
		if bases[i].compare() {
			c.Why = ""
			for _, p := range s.objects(one) {
				if before, now := objects[0], objects[1]; before.Hash != now.Hash && c.Why == "" {
					c.Why = fmt.Sprintf("%s was changed since %s", p.label(), bases[i].name)
				}
				objects = objects[2:]
			}
		}
		if c.Why != "" {
			list = append(list, c)
		}
	}
	return list, nil
}

// object is the part of an object's name after the revision.
type object string

func (o object) label() string {
	if _, p, ok := strings.Cut(string(o), ":"); ok {
		return p
	}
	return "the repository"
}

func (s *Charts) objects(c *config.Config) (list []object) {
	paths := s.Paths(c)
	if paths == nil {
		return []object{"^{tree}"}
	}
	for _, p := range paths {
		list = append(list, object(":"+p))
	}
	return list
}
