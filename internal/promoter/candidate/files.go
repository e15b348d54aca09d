package candidate

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// file is a regular file, or a symbolic link whose target is its content.
type file struct {
	mode    fs.FileMode
	content []byte
}

// files are those of a directory by their slash-separated paths.
type files map[string]file

// snapshot reads the files of a directory below root. What belongs to git or a CI engine at the top of a repository is left out.
// Errors: chart.ErrUnsafe for what is neither a file nor a link.
func snapshot(root *os.Root, dir string) (files, error) {
	found := files{}
	err := fs.WalkDir(root.FS(), filepath.ToSlash(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := name
		if dir != "." {
			rel = strings.TrimPrefix(strings.TrimPrefix(name, filepath.ToSlash(dir)), "/")
		}
		switch {
		case d.IsDir() && rel == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		f, err := readFile(root, filepath.FromSlash(name), d)
		found[rel] = f
		return err
	})
	return found, err
}

func readFile(root *os.Root, name string, d fs.DirEntry) (file, error) {
	info, err := d.Info()
	if err != nil {
		return file{}, err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := root.Readlink(name)
		if err == nil && (filepath.IsAbs(link) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), link))) {
			return file{}, fmt.Errorf("%s is a link that leads out of the chart; put the file itself there: %w", name, chart.ErrUnsafe)
		}
		return file{fs.ModeSymlink, []byte(link)}, err
	case !info.Mode().IsRegular(): // to read a pipe would block
		return file{}, fmt.Errorf("%s is neither a file nor a link: %w", name, chart.ErrUnsafe)
	}
	data, err := root.ReadFile(name)
	return file{info.Mode().Perm(), data}, err
}

func (f file) write(root *os.Root, name string) error {
	if f.mode == fs.ModeSymlink {
		return root.Symlink(string(f.content), name)
	}
	return root.WriteFile(name, f.content, f.mode)
}

// writeTo writes the files into a new directory.
func (f files) writeTo(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	for name, content := range f {
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
			return nil, err
		}
		if err := content.write(root, filepath.FromSlash(name)); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// differences are the names of the files that differ, in order.
func (f files) differences(other files) (names []string) {
	for name, a := range f {
		if b, ok := other[name]; !ok || a.mode != b.mode || !bytes.Equal(a.content, b.content) {
			names = append(names, name)
		}
	}
	for name := range other {
		if _, ok := f[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
