package publish

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

type file struct {
	name    string
	content index.Text // nil to leave it
}

// one is a file whose content is in one piece; nil to leave it.
func one(name string, content []byte) file {
	if content == nil {
		return file{name: name}
	}
	return file{name, index.Text{content}}
}

// writeAll writes the files that differ from the existing ones, in the given order.
func (f folder) writeAll(files []file) (changed bool, err error) {
	write := f.write
	if write == nil {
		write = writeFile
	}
	for _, file := range files {
		if file.name == "" {
			continue
		}
		same, err := f.has(file)
		if err != nil {
			return changed, err
		}
		if file.content == nil || same {
			continue
		}
		if err := write(filepath.Join(f.dir, file.name), file.content...); err != nil {
			return changed, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		changed = true
	}
	return changed, nil
}

// has reports whether a file exists with this content. One of another size is not read: an index is large.
func (f folder) has(file file) (bool, error) {
	if info, err := os.Lstat(filepath.Join(f.dir, file.name)); err == nil && file.name == filepath.Base(file.name) &&
		info.Mode().IsRegular() && (file.content == nil || info.Size() != int64(file.content.Len())) {
		return false, nil
	}
	old, err := f.read(file.name)
	return old != nil && file.content != nil && bytes.Equal(old, file.content.Bytes()), err
}

// read returns nil for a file that does not exist. Names contain user input and must not lead
// out of the directory; every file is read before it is written.
func (f folder) read(name string) ([]byte, error) {
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("%q is not the name of a chart and a version: %w", name, ErrConfig)
	}
	file := filepath.Join(f.dir, name)
	// A link that was pushed would publish a file of this machine, and reading a pipe would never end.
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is a link, a directory or a pipe instead of a file; remove it there: %w", name, ErrUnusable)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return content, nil
}
