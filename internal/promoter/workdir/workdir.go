// Package workdir is the directory in which one step of the pipeline leaves files for the next: packages, attestations, reports, logs.
package workdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrBusy is the error of a second run in the same directory.
var ErrBusy = failure.New(failure.BadInput, "another run is in progress")

// Dir is the path of a work directory.
type Dir string

// File is the path of a file of the directory.
func (d Dir) File(name string) string { return filepath.Join(string(d), name) }

// Lock makes this the only run in the directory; two would mix up their packages. The lock ends with the process, also when that is
// killed. Errors: ErrBusy.
func (d Dir) Lock() (unlock func(), err error) {
	if err := d.create(); err != nil {
		return nil, fmt.Errorf("create the work directory: %w: %w", failure.ErrInput, err)
	}
	f, err := os.OpenFile(d.File("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the work directory: %w: %w", failure.ErrInput, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w in %s; wait until it ends, or choose another directory with --work-dir", ErrBusy, d)
	}
	return func() {
		// Closing the file alone leaves it locked while a program that this process is starting still has a copy of it.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		_ = f.Close()
	}, nil
}

// create creates the directory, with a file that keeps it out of commits: it holds clones, packages and the credentials of clusters. A
// directory that has other files already is the user's, and no file is hidden in it.
func (d Dir) create() error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	if entries, err := os.ReadDir(string(d)); err != nil || len(entries) > 0 {
		return err
	}
	return os.WriteFile(d.File(".gitignore"), []byte("# Written by chart-promoter: its work directory belongs into no commit.\n*\n"), 0o644)
}

// Write writes a file that exists whole or not at all, and returns its path.
func (d Dir) Write(name string, content []byte) (path string, err error) {
	path = d.File(name)
	return path, atomicfile.WriteMkdir(path, content, 0o644)
}

// WriteJSON is Write of a value in JSON.
func (d Dir) WriteJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = d.Write(name, append(data, '\n'))
	return err
}

// ReadJSON reads what an earlier step wrote; false when there is nothing, or nothing readable.
func (d Dir) ReadJSON(name string, v any) bool {
	data, err := os.ReadFile(d.File(name))
	return err == nil && json.Unmarshal(data, v) == nil
}

// Remove removes a file, if it exists.
func (d Dir) Remove(name string) error {
	if err := os.Remove(d.File(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove %s from the work directory: %w: %w", name, failure.ErrInput, err)
	}
	return nil
}

// Clear removes a directory with all that is in it, and returns its path.
func (d Dir) Clear(name string) (path string, err error) {
	path = d.File(name)
	if err := os.RemoveAll(path); err != nil {
		return "", fmt.Errorf("clear %s: %w: %w", path, failure.ErrInput, err)
	}
	return path, nil
}
