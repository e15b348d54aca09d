package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// Installation is what a package is linted and rendered for.
type Installation struct {
	// Release and Namespace are names. Defaults: the chart's name, and default.
	Release, Namespace string
	// Values over the chart's own. Default: none.
	Values map[string]any
	// KubeVersion is the version of Kubernetes, such as 1.36.1. Default: that of Helm's library, which may be years old.
	KubeVersion string
	// APIVersions are APIs of the cluster beside Kubernetes' own. Default: none.
	APIVersions []string
}

// Lint runs Helm's linters on a package. It returns the findings also with ErrLint, which means that one of them keeps the chart from
// working. findings do not have what Helm's own log would print.
func (p *Package) Lint(in Installation) (findings []string, err error) {
	dir, err := os.MkdirTemp("", "chart-promoter-")
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p.Filename(), err)
	}
	defer os.RemoveAll(dir)
	if err := p.unpack(dir); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p.Filename(), err)
	}
	all, err := reader.Lint(filepath.Join(dir, p.Name), helm.LintOptions{Values: in.Values, Namespace: in.Namespace, KubeVersion: in.KubeVersion})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLint, err)
	}
	for _, f := range all {
		findings = append(findings, f.Text)
		if f.Error {
			err = ErrLint
		}
	}
	return findings, err
}

// unpack writes the package's files into a directory. ReadPackage has checked their names.
func (p *Package) unpack(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	unzipped, err := gzip.NewReader(bytes.NewReader(p.Bytes))
	if err != nil {
		return err
	}
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name := filepath.FromSlash(h.Name)
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
}

// Render returns the manifests that installing a package would apply, its CRDs included, as YAML documents. It needs no cluster.
// Error: ErrNoChart.
func (p *Package) Render(ctx context.Context, in Installation) (string, error) {
	if in.Release == "" {
		in.Release = p.Name
	}
	if in.Namespace == "" {
		in.Namespace = "default"
	}
	text, err := reader.Render(ctx, p.Bytes, helm.RenderOptions{
		Release: in.Release, Namespace: in.Namespace, Values: in.Values, KubeVersion: in.KubeVersion, APIVersions: in.APIVersions,
	})
	if err != nil {
		return "", fmt.Errorf("render the chart's templates: %w: %w", ErrNoChart, err)
	}
	return text, nil
}
