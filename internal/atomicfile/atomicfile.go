// Package atomicfile writes a file so that it exists whole or not at all, also after a power cut. It imports the standard
// library only, as the program in the nodes' pods uses it.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write replaces the file at path, whose directory must exist. A reader sees the old content or the new one, never a part.
// The file has exactly the given mode, whatever the process's umask is.
func Write(path string, content []byte, mode fs.FileMode) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return failed(path, err)
	}
	if err := part.Chmod(mode); err != nil {
		return failed(path, errors.Join(err, part.Close(), os.Remove(part.Name())))
	}
	return finish(part, path, [][]byte{content})
}

// WriteMkdir is Write that creates the missing directories of path too.
func WriteMkdir(path string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return failed(path, err)
	}
	return Write(path, content, mode)
}

// WritePart is Write with a fixed name for the temporary file, beside path. Only one process at a time may use that name;
// in return, the next write replaces what a killed process left, and nothing accumulates. The umask applies to the mode.
func WritePart(path, partName string, content []byte, mode fs.FileMode) error {
	return WritePieces(path, partName, [][]byte{content}, mode)
}

// WritePieces is WritePart for a content in pieces, one after the other.
func WritePieces(path, partName string, content [][]byte, mode fs.FileMode) error {
	part, err := os.OpenFile(filepath.Join(filepath.Dir(path), partName), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return failed(path, err)
	}
	return finish(part, path, content)
}

// finish fills and closes the temporary file and gives it its final name; on an error it removes the temporary file.
func finish(part *os.File, path string, content [][]byte) (err error) {
	for _, piece := range content {
		if _, err = part.Write(piece); err != nil {
			break
		}
	}
	if err == nil {
		err = part.Sync() // before the rename, or a power cut could leave the final name with no content
	}
	err = errors.Join(err, part.Close())
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return failed(path, errors.Join(err, os.Remove(part.Name())))
	}
	if err := syncDir(filepath.Dir(path), runtime.GOOS); err != nil {
		return failed(path, err)
	}
	return nil
}

// syncDir makes the new name durable, where the system and the file system can do that for a directory. Windows denies it.
func syncDir(dir, system string) error {
	if system == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

func failed(path string, err error) error {
	return fmt.Errorf("write %s: %w", filepath.Base(path), err)
}
