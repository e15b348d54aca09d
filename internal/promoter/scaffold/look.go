package scaffold

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Choices are what somebody says of a repository instead of having it found.
type Choices struct {
	// Chart and Package are directories of the repository.
	Chart, Package string
	// NoBuild makes a pipeline of the chart alone.
	NoBuild bool
	// Image is the repository that images are pushed to; Source, Candidates and Prod are the addresses of the three
	// repositories.
	Image, Source, Candidates, Prod string
}

// Look finds out what the configuration of a repository needs, and reads only. Its errors say what to do, and are
// failure.ErrInput or of the trade that they come from.
func Look(ctx context.Context, r *gitrepo.Repo, c Choices) (Facts, error) {
	files, err := r.Files(ctx)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{Source: c.Source}
	if f.Chart, err = choose("chart", "--chart", charts(r.Dir, files), c.Chart); err != nil {
		return f, err
	}
	meta, err := readChart(filepath.Join(r.Dir, f.Chart))
	if err != nil {
		return f, err
	}
	f.Name = PipelineName(meta.Name)
	if !c.NoBuild {
		if f.Package, err = goPackage(r.Dir, files, c.Package); err != nil {
			return f, err
		}
	}
	f.UnitTests = f.Package != "" && slices.ContainsFunc(files, func(p string) bool { return strings.HasSuffix(p, "_test.go") && !hidden(p) })
	return f, f.addresses(r.Origin(ctx), c)
}

// choose takes what was said, or the only one that there is.
func choose(what, flag string, found []string, said string) (string, error) {
	if said != "" {
		said = path.Clean(filepath.ToSlash(said))
	}
	switch {
	case said != "" && (path.IsAbs(said) || said == ".." || strings.HasPrefix(said, "../")):
		return "", fmt.Errorf("%w: %s %s leads out of the repository; give the path from its top", failure.ErrInput, flag, said)
	case said != "" && slices.Contains(found, said):
		return said, nil
	case said != "":
		return "", fmt.Errorf("%w: there is no %s in %s that can be released from here; there is %s", failure.ErrInput, what, said, list(found))
	case len(found) > 1:
		return "", fmt.Errorf("%w: there are several, %s; name the %s with %s PATH", failure.ErrInput, list(found), what, flag)
	case len(found) == 0:
		return "", fmt.Errorf("%w: the repository has no %s; `helm create` makes one", failure.ErrInput, what)
	}
	return found[0], nil
}

func list(paths []string) string {
	if len(paths) == 0 {
		return "none"
	}
	return strings.Join(paths, ", ")
}

// hidden are directories with files that are not the program's own.
func hidden(file string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(file), "/"), func(dir string) bool {
		return dir == "testdata" || dir == "vendor" || dir == "node_modules" || dir != "." && strings.HasPrefix(dir, ".")
	})
}

// charts are the directories of those charts that are nobody's dependencies. Libraries cannot be installed.
func charts(root string, files []string) []string {
	var found []string
	for _, file := range files {
		if path.Base(file) != "Chart.yaml" || hidden(file) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			continue
		}
		if meta, err := chart.ReadMetadata(data); err == nil && meta.Type == "library" {
			continue
		}
		found = append(found, path.Dir(file))
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Clone(found), func(dir string) bool {
		return slices.ContainsFunc(found, func(parent string) bool {
			return dir != parent && strings.HasPrefix(dir, path.Join(parent, "charts")+"/")
		})
	})
}

// readChart refuses a chart that would be refused by a later step.
func readChart(dir string) (*chart.Package, error) {
	p, err := chart.Pack(dir)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chart.ErrNoChart, err)
	}
	for _, field := range []string{"version", "appVersion"} {
		if err := chart.Settable(data, field); err != nil {
			return nil, fmt.Errorf("%s in Chart.yaml of %s: %w; each candidate sets it, so add the line `%s: \"0.1.0\"`", field, p.Name, err, field)
		}
	}
	findings, err := chart.Lint(dir)
	if err != nil {
		wrong := slices.DeleteFunc(findings, func(f string) bool { return !strings.HasPrefix(f, "[ERROR]") })
		return nil, fmt.Errorf("%w, which verify refuses: %s", err, strings.ReplaceAll(strings.Join(wrong, "; "), "\n", " "))
	}
	return p, nil
}

// addresses proposes what nobody said: repositories beside the source's, with the names that Helm's users know.
func (f *Facts) addresses(origin string, c Choices) error {
	if f.Source == "" {
		f.Source = origin
	}
	if f.Source == "" {
		return fmt.Errorf("%w: the repository has no remote called origin; add one, or give its address with --source", failure.ErrInput)
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
		return fmt.Errorf("%w: no registry belongs to %s; name the repository of images with --image", failure.ErrInput, f.Source)
	}
	if f.Image == "" {
		f.Image = registry + "/" + strings.ToLower(remote.Path)
	}
	return nil
}
