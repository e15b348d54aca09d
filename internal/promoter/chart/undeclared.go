package chart

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm3"
)

// ErrUndeclared: charts/ holds charts that the chart does not declare. Helm would install them with it, and its linters reject that.
var ErrUndeclared = failure.New(failure.BadInput, "these are no dependencies of the chart, but Helm would install them with it: add them to dependencies in Chart.yaml or, if they are charts of their own, add these paths to .helmignore")

// maxNamed is how many undeclared charts an error names.
const maxNamed = 5

// CheckDeclared rejects a package whose directory charts/ has charts that Chart.yaml does not declare, such as those beside a chart at
// the top of a repository. Errors: ErrUndeclared, ErrNoChart.
func (p *Package) CheckDeclared() error {
	var undeclared []string
	err := p.eachSubchart(func(at, name string) {
		declared := func(d *Dependency) bool { return d.Name == name }
		if !slices.ContainsFunc(p.Metadata.Dependencies, declared) {
			undeclared = append(undeclared, at)
		}
	})
	if err != nil || len(undeclared) == 0 {
		return err
	}
	slices.Sort(undeclared)
	more := ""
	if n := len(undeclared) - maxNamed; n > 0 {
		undeclared, more = undeclared[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%s%s: %w", strings.Join(undeclared, ", "), more, ErrUndeclared)
}

// eachSubchart calls do with the path and the name of each chart that Helm finds directly in charts/: a directory or a package.
func (p *Package) eachSubchart(do func(at, name string)) error {
	return eachFile(p.Bytes, func(h *tar.Header, file io.Reader) error {
		_, at, _ := strings.Cut(h.Name, "/")
		parts := strings.Split(at, "/")
		isDir, isPackage := len(parts) == 3 && parts[2] == "Chart.yaml", len(parts) == 2 && path.Ext(at) == ".tgz"
		// Helm skips names that begin with a dot or an underscore.
		if parts[0] != "charts" || !isDir && !isPackage || strings.HasPrefix(parts[1], ".") || strings.HasPrefix(parts[1], "_") {
			return nil
		}
		content, err := io.ReadAll(file)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoChart, err)
		}
		if isPackage {
			sub, err := reader.Load(content)
			if err != nil {
				return fmt.Errorf("%s: %w: %w", at, ErrNoChart, err)
			}
			do(at, sub.Metadata.Name)
			return nil
		}
		m, err := ReadMetadata(content)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		do(path.Dir(at)+"/", m.Name)
		return nil
	})
}

// Ignores reports whether the .helmignore of the chart in dir leaves out a directory of it, given by its slash-separated path there.
// Error: ErrNoChart.
func Ignores(dir, name string) (bool, error) {
	list, err := os.ReadFile(filepath.Join(dir, helm3.IgnoreFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read .helmignore: %w: %w", ErrNoChart, err)
	}
	ignored, err := helm3.Ignore(list)
	if err != nil {
		return false, fmt.Errorf("read .helmignore: %w: %w", ErrNoChart, err)
	}
	for i, c := range name + "/" {
		if c != '/' {
			continue
		}
		// A directory that is left out is left out with all that it has.
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name[:i])))
		if err != nil {
			return false, fmt.Errorf("%w: %w", ErrNoChart, err)
		}
		if ignored(name[:i], info) {
			return true, nil
		}
	}
	return false, nil
}
