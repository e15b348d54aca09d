package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm3"
)

// packedAt is the time of every file in a package. Helm's own packages carry
// the present time and so never have the same digest twice: https://github.com/helm/helm/issues/8212
var packedAt = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Pack packages the chart in dir. The same content always gives the same bytes;
// all files are kept as they are, while Helm rewrites Chart.yaml. Files that
// .helmignore names, .git and trailers of candidates are left out; a link is followed if it stays within dir.
// Errors: ErrNoChart, ErrUnsafe, ErrMissingDependency, ErrWrongDependency.
func Pack(dir string) (*Package, error) { return PackWith(dir, PackOptions{}) }

// PackOptions are what a package has beside the files of a directory.
type PackOptions struct {
	// Within is a directory that links of the chart may lead to, beside its own. Default: none.
	Within string
	// Extra are further files by their slash-separated paths, such as charts/sub-1.0.0.tgz. Default: none.
	Extra map[string][]byte
}

// PackWith is Pack with options.
func PackWith(dir string, o PackOptions) (*Package, error) {
	files, err := collect(dir, o.Within)
	if err != nil {
		return nil, err
	}
	maps.Copy(files, o.Extra)
	name, err := nameIn(files, dir)
	if err != nil {
		return nil, err
	}
	tgz, err := archive(name, files)
	if err != nil {
		return nil, err
	}
	p, err := ReadPackage(tgz)
	if err != nil {
		return nil, err
	}
	return p, checkDependencies(files, tgz)
}

// nameIn is the name of the chart with these files of a directory.
func nameIn(files map[string][]byte, dir string) (string, error) {
	raw, ok := files["Chart.yaml"]
	if !ok {
		return "", fmt.Errorf("Chart.yaml is missing in %s: %w", dir, ErrNoChart)
	}
	meta, err := ReadMetadata(raw)
	if err != nil {
		return "", fmt.Errorf("read Chart.yaml in %s: %w", dir, err)
	}
	if !chartName.MatchString(meta.Name) {
		return "", fmt.Errorf("Chart.yaml in %s names the chart %q: use letters, digits, dots and hyphens: %w", dir, meta.Name, ErrNoChart)
	}
	return meta.Name, nil
}

// checkDependencies compares the dependencies that a chart's files declare with those in its package.
func checkDependencies(files map[string][]byte, tgz []byte) error {
	declared, found, err := readDependencies(files, tgz)
	if err != nil {
		return err
	}
	return declared.Check(found)
}

func archive(name string, files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	zipped, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	tarball := tar.NewWriter(zipped)
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name + "/" + n, Mode: 0o644, Size: int64(len(files[n])), ModTime: packedAt}
		if err := tarball.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack %s: %w", n, err)
		}
		if _, err := tarball.Write(files[n]); err != nil {
			return nil, fmt.Errorf("pack %s: %w", n, err)
		}
	}
	if err := errors.Join(tarball.Close(), zipped.Close()); err != nil {
		return nil, fmt.Errorf("pack %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// tree gathers the files of a chart's directory.
type tree struct {
	within  string // without links, to compare the targets of links with it
	ignored func(name string, info fs.FileInfo) bool
	files   map[string][]byte // by slash-separated path
	left    int64             // bytes until Helm's limit
}

func collect(dir, within string) (map[string][]byte, error) {
	root, err := realPath(dir)
	if err != nil {
		return nil, fmt.Errorf("read the chart's directory: %w: %w", ErrNoChart, err)
	}
	list, err := os.ReadFile(filepath.Join(root, helm3.IgnoreFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read .helmignore: %w: %w", ErrNoChart, err)
	}
	t := tree{within: root, files: map[string][]byte{}, left: helm.MaxChartSize}
	if t.ignored, err = helm3.Ignore(list); err != nil {
		return nil, fmt.Errorf("read .helmignore: %w: %w", ErrNoChart, err)
	}
	if within != "" {
		if t.within, err = realPath(within); err != nil {
			return nil, fmt.Errorf("read the chart's directory: %w: %w", ErrNoChart, err)
		}
	}
	return t.files, t.walk(root, "", nil)
}

func realPath(dir string) (string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}

// walk reads the directory real, which is name in the package. within are its
// parent directories.
func (t *tree) walk(real, name string, within []string) error {
	if slices.Contains(within, real) {
		return fmt.Errorf("the link %s points to one of its parent directories: %w", name, ErrUnsafe)
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return fmt.Errorf("read %s: %w: %w", name, ErrNoChart, err)
	}
	for _, e := range entries {
		if err := t.add(filepath.Join(real, e.Name()), path.Join(name, e.Name()), append(within, real)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) add(real, name string, within []string) error {
	resolved, err := filepath.EvalSymlinks(real)
	if err != nil {
		resolved = real // a dangling link is an error only if it is not ignored
	}
	info, err := os.Lstat(resolved)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w: %w", name, ErrNoChart, err)
	case t.ignored(name, info), path.Base(name) == ".git", name == TrailersDir:
		return nil
	case resolved != t.within && !strings.HasPrefix(resolved, t.within+string(filepath.Separator)):
		return fmt.Errorf("the link %s points outside of the chart: replace it with the file: %w", name, ErrUnsafe)
	case !safePath(name):
		return fmt.Errorf("%q: %w", name, ErrUnsafe)
	case info.IsDir():
		return t.walk(resolved, name, within)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is neither a file nor a directory, or is a dangling link: %w", name, ErrUnsafe)
	case info.Size() > helm.MaxFileSize, info.Size() > t.left:
		return fmt.Errorf("%s is too large for Helm (a file may have %d bytes, a chart %d): add it to .helmignore: %w",
			name, helm.MaxFileSize, helm.MaxChartSize, ErrNoChart)
	}
	content, err := os.ReadFile(resolved)
	if err != nil {
		return fmt.Errorf("read %s: %w: %w", name, ErrNoChart, err)
	}
	t.left -= int64(len(content))
	t.files[name] = content
	return nil
}
