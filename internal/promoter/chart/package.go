// Package chart edits, packages, reads, lints and renders Helm charts. It hides Helm: no exported name has a type of Helm's.
//
// Editing is code of its own, because YAML libraries that keep comments still change quotes, indentation and line ends, and a
// candidate must differ from its predecessor in the changed values only. The edited document is parsed again before it is used.
// Packing is code of its own, because Helm stamps packages with the present time and rewrites Chart.yaml, so that the same
// content never has the same digest.
package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// Package is a packaged chart: the bytes that are tested and published.
type Package struct {
	Name, Version, AppVersion string
	// Digest is the SHA-256 of Bytes, 64 hex digits.
	Digest string
	// Bytes is the .tgz.
	Bytes []byte
	// Metadata is the chart's Chart.yaml as Helm reads it.
	Metadata *Metadata
}

// Filename is the name the package has in a chart repository.
func (p *Package) Filename() string { return p.Name + "-" + p.Version + ".tgz" }

// MediaType is that of a package in a registry.
const MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// Errors of Pack, ReadPackage and Lint; test for them with errors.Is.
var (
	ErrNoChart           = failure.New(failure.BadInput, "not a usable chart")
	ErrUnsafe            = failure.New(failure.BadInput, "unsafe path")
	ErrMissingDependency = failure.New(failure.BadInput, "a dependency is missing in charts/: run `helm dependency update` and commit Chart.lock")
	ErrLint              = failure.New(failure.BadInput, "the chart has errors")
)

// Digest is the SHA-256 of a package, 64 hex digits.
func Digest(tgz []byte) string {
	sum := sha256.Sum256(tgz)
	return hex.EncodeToString(sum[:])
}

// chartName is stricter than Helm: the name becomes part of file names, image
// references and URLs.
var chartName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// ReadPackage reads a packaged chart. It rejects what Helm rejects, and what
// Helm accepts but other tools read differently: links, duplicate files, paths
// that leave the chart's directory. Errors: ErrNoChart, ErrUnsafe.
func ReadPackage(tgz []byte) (*Package, error) {
	root, err := inspect(tgz)
	if err != nil {
		return nil, err
	}
	c, err := reader.Load(tgz)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChart, err)
	}
	m := c.Metadata
	if !chartName.MatchString(m.Name) {
		return nil, fmt.Errorf("the chart's name %q has invalid characters: use letters, digits, dots and hyphens: %w", m.Name, ErrNoChart)
	}
	if root != m.Name {
		return nil, fmt.Errorf("the package has the directory %s, but its chart is %s: %w", root, m.Name, ErrNoChart)
	}
	return &Package{Name: m.Name, Version: m.Version, AppVersion: m.AppVersion, Digest: Digest(tgz), Bytes: tgz, Metadata: m}, nil
}

// Values returns the chart's values.yaml as it is written, nil if there is none, and as Helm reads it. Error: ErrNoChart.
func (p *Package) Values() (raw []byte, values map[string]any, err error) {
	c, err := reader.Load(p.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoChart, err)
	}
	return c.ValuesYAML, c.Values, nil
}

// inspect validates the headers of the archive and returns its top directory.
func inspect(tgz []byte) (root string, err error) {
	seen := map[string]bool{}
	left := int64(helm.MaxChartSize)
	err = eachFile(tgz, func(h *tar.Header, _ io.Reader) error {
		if left -= h.Size; left < 0 {
			return fmt.Errorf("the unpacked chart exceeds Helm's limit of %d bytes: %w", helm.MaxChartSize, ErrNoChart)
		}
		name := strings.TrimSuffix(h.Name, "/")
		top, _, _ := strings.Cut(name, "/")
		switch {
		case h.Typeflag == tar.TypeXGlobalHeader:
			return nil
		case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
			return fmt.Errorf("%s is a link or a device: %w", h.Name, ErrUnsafe)
		case !safePath(name):
			return fmt.Errorf("%q: %w", h.Name, ErrUnsafe)
		case seen[name] && h.Typeflag == tar.TypeReg:
			return fmt.Errorf("%s occurs twice: %w", h.Name, ErrUnsafe)
		case root != "" && top != root:
			return fmt.Errorf("%s is outside of %s: %w", h.Name, root, ErrUnsafe)
		}
		seen[name], root = true, top
		return nil
	})
	return root, err
}

// eachFile calls do with each header in a package and the content that follows it, until do returns an error. Errors: ErrNoChart, and
// those of do.
func eachFile(tgz []byte, do func(h *tar.Header, content io.Reader) error) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		return fmt.Errorf("not a gzip archive: %w: %w", ErrNoChart, err)
	}
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a tar archive: %w: %w", ErrNoChart, err)
		}
		if err := do(h, archive); err != nil {
			return err
		}
	}
}

// safePath reports whether a slash-separated path stays below its directory on every
// operating system. Helm treats a backslash as a separator.
func safePath(p string) bool {
	return p != "" && p != "." && !path.IsAbs(p) && path.Clean(p) == p && !strings.HasPrefix(p, "..") &&
		!strings.ContainsFunc(p, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) &&
		!(len(p) > 1 && p[1] == ':')
}
