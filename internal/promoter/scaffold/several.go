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

// mainChart is the only chart of a program beside library charts, which belong to it; "" if there is not exactly one.
func mainChart(root string, found []string) string {
	programs := slices.DeleteFunc(slices.Clone(found), func(dir string) bool {
		return isLibrary(filepath.Join(root, dir))
	})
	if len(programs) != 1 {
		return ""
	}
	return programs[0]
}

func isLibrary(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return false
	}
	meta, err := chart.ReadMetadata(data)
	return err == nil && meta.Type == "library"
}

// several is Inspect for a repository with several charts. Nothing is built: which chart a program belongs to is not known.
func several(ctx context.Context, r *gitrepo.Repo, found []string, tools otherTools, c Choices) (Facts, error) {
	f := Facts{Source: c.Source, VersionInFile: tools.used}
	if c.Package != "" || c.Image != "" {
		return f, fmt.Errorf("%w: found several charts: %s; select the one of the program with --chart PATH, or omit --package and --image and add build to the chart in the configuration", failure.ErrInput, list(found))
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return f, err
	}
	taken := map[string]bool{}
	for _, dir := range found {
		meta, err := checkChart(filepath.Join(r.Dir, dir), f.VersionInFile)
		if err != nil {
			return f, fmt.Errorf("%s: %w", dir, err)
		}
		one := ChartFacts{Path: dir, Name: PipelineName(path.Base(dir))}
		for n := 2; taken[one.Name]; n++ {
			one.Name = PipelineName(fmt.Sprintf("%.24s-%d", path.Base(dir), n))
		}
		taken[one.Name] = true
		if p := chartPrefix(meta, tags, true); p != one.Name+"-" && !f.VersionInFile {
			one.TagPrefix = p
		}
		if one.Name == path.Base(dir) {
			one.Name = ""
		}
		f.Charts = append(f.Charts, one)
	}
	if err := f.addresses(r.Origin(ctx), c); err != nil {
		return f, err
	}
	f.Name = PipelineName(strings.TrimSuffix(path.Base(strings.TrimRight(f.Source, "/")), ".git"))
	return f, f.places(c, tools)
}

// checkChart rejects a chart whose version a candidate could not set.
func checkChart(dir string, versionInFile bool) (*chart.Metadata, error) {
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chart.ErrNoChart, err)
	}
	meta, err := chart.ReadMetadata(data)
	if err != nil || versionInFile {
		return meta, err
	}
	if err := chart.Settable(data, "version"); err != nil {
		return nil, fmt.Errorf("version in Chart.yaml: %w; every candidate sets it, so add the line `version: 0.1.0`", err)
	}
	return meta, nil
}
