package scaffold

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Choices override what Inspect finds.
type Choices struct {
	// Chart and Package are directories of the repository.
	Chart, Package string
	// NoBuild selects a pipeline for the chart only.
	NoBuild bool
	// Image is the repository that images are pushed to; Source, Candidates and Prod are the addresses of the three
	// repositories.
	Image, Source, Candidates, Prod string
}

// Inspect returns the inputs of a repository's configuration, and only reads. Its errors contain the remedy, and are
// failure.ErrInput or errors of the packages chart and gitrepo.
func Inspect(ctx context.Context, r *gitrepo.Repo, c Choices) (Facts, error) {
	files, err := r.Files(ctx)
	if err != nil {
		return Facts{}, err
	}
	tools, err := readOtherTools(r.Dir, files)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{Source: c.Source}
	found, main := charts(r.Dir, files), ""
	if c.Chart == "" {
		found = tools.selected(found)
	}
	if main = mainChart(r.Dir, found); main == "" && len(found) > 1 && c.Chart == "" {
		if others := slices.DeleteFunc(slices.Clone(found), func(dir string) bool { return dir == "." }); len(others) < len(found) {
			return f, fmt.Errorf("%w: found a chart at the top of the repository and others: %s; each of several charts requires a directory of its own: move the one at the top into one, or select it alone with --chart .", failure.ErrInput, list(others))
		}
		return several(ctx, r, found, tools, c)
	}
	if c.Chart == "" {
		c.Chart = main
	}
	if f.Chart, err = choose("chart", "--chart", found, c.Chart); err != nil {
		return f, err
	}
	dir := filepath.Join(r.Dir, f.Chart)
	if !c.NoBuild && !isLibrary(dir) {
		if f.Package, err = goPackage(r.Dir, files, c.Package); err != nil {
			return f, err
		}
	}
	// With a program every commit changes the chart, and would need a higher version there.
	f.VersionInFile = tools.used && f.Package == ""
	meta, notes, err := readChart(ctx, r.Dir, dir, f.VersionInFile)
	if err != nil {
		return f, err
	}
	f.Name, f.Notes, f.OnlyVersion = PipelineName(meta.Name), notes, meta.IsLibrary() && !f.VersionInFile
	f.UnitTests = f.Package != "" && slices.ContainsFunc(files, func(p string) bool { return strings.HasSuffix(p, "_test.go") && !hidden(p) })
	if err := f.versions(ctx, r, meta.Metadata); err != nil {
		return f, err
	}
	if err := f.addresses(r.Origin(ctx), c); err != nil {
		return f, err
	}
	return f, f.places(c, tools)
}

// choose returns the user's choice, or the only one that exists.
func choose(what, flag string, found []string, chosen string) (string, error) {
	if chosen != "" {
		chosen = path.Clean(filepath.ToSlash(chosen))
	}
	switch {
	case chosen != "" && (path.IsAbs(chosen) || chosen == ".." || strings.HasPrefix(chosen, "../")):
		return "", fmt.Errorf("%w: %s %s is outside the repository; use a path relative to its top", failure.ErrInput, flag, chosen)
	case chosen != "" && slices.Contains(found, chosen):
		return chosen, nil
	case chosen != "":
		return "", fmt.Errorf("%w: no %s in %s can be released; found: %s", failure.ErrInput, what, chosen, list(found))
	case len(found) > 1:
		return "", fmt.Errorf("%w: found several: %s; select the %s with %s PATH", failure.ErrInput, list(found), what, flag)
	case len(found) == 0:
		return "", fmt.Errorf("%w: the repository has no %s; `helm create` creates one", failure.ErrInput, what)
	}
	return found[0], nil
}

func list(paths []string) string {
	if len(paths) == 0 {
		return "none"
	}
	return strings.Join(paths, ", ")
}

// hidden reports whether a file belongs to tests, dependencies or tools.
func hidden(file string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(dir string) bool {
		return dir == "testdata" || dir == "vendor" || dir == "node_modules" || dir != "." && strings.HasPrefix(dir, ".")
	})
}

// charts are the directories of the charts that are no other chart's dependencies in its directory. What a chart leaves out by its
// .helmignore is none.
func charts(root string, files []string) []string {
	var found []string
	for _, file := range files {
		if path.Base(file) != "Chart.yaml" || hidden(file) {
			continue
		}
		found = append(found, path.Dir(file))
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Clone(found), func(dir string) bool {
		return slices.ContainsFunc(found, func(parent string) bool {
			if dir == parent || !strings.HasPrefix(dir, path.Join(parent, "charts")+"/") {
				return false
			}
			name := strings.TrimPrefix(dir, parent+"/")
			ignored, err := chart.Ignores(filepath.Join(root, parent), name)
			return err != nil || !ignored
		})
	})
}

// addresses fills in what was not chosen: repositories beside the source's, with the names that Helm's users know.
func (f *Facts) addresses(origin string, c Choices) error {
	if f.Source == "" {
		f.Source = origin
	}
	if f.Source == "" {
		return fmt.Errorf("%w: the repository has no remote called origin; add one, or set its address with --source", failure.ErrInput)
	}
	remote, hosted := gitrepo.ParseRemote(f.Source)
	if hosted {
		f.Source = remote.HTTPS()
	}
	base := strings.TrimSuffix(strings.TrimRight(f.Source, "/"), ".git")
	suffix := strings.TrimPrefix(strings.TrimRight(f.Source, "/"), base)
	f.Candidates, f.Prod = base+"-helm-qa"+suffix, base+"-helm"+suffix
	if c.Candidates != "" {
		f.Candidates = c.Candidates
	}
	if c.Prod != "" {
		f.Prod = c.Prod
	}
	if f.Package == "" {
		return nil
	}
	f.Image = c.Image
	registry := map[string]string{"github.com": "ghcr.io", "gitlab.com": "registry.gitlab.com"}[remote.Host]
	if f.Image == "" && registry == "" {
		return fmt.Errorf("%w: no default registry is known for %s; name the repository of images with --image", failure.ErrInput, f.Source)
	}
	if f.Image == "" {
		f.Image = registry + "/" + strings.ToLower(remote.Path)
	}
	return nil
}
