package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// lockName makes this the only run on the machine that creates a cluster of this name: the engine itself reports a name as free until
// the first node has its container. The lock ends with the process, also when that is killed. Error: ErrExists.
func lockName(name string) (unlock func(), err error) {
	path := filepath.Join(os.TempDir(), "chart-promoter-cluster-"+name+".lock")
	for {
		f, err := openLock(path)
		if errors.Is(err, fs.ErrExist) {
			continue // another run has created it meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("%w: lock the name %s: %w", ErrCreate, name, err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("%s: %w: another run is creating it; choose another name", name, ErrExists)
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("%w: lock %s: %w", ErrCreate, path, err)
		case isAt(f, path):
			return func() {
				_ = os.Remove(path)
				// Closing the file alone leaves it locked while a program that this process is starting still has a copy of it.
				_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
				_ = f.Close()
			}, nil
		}
		f.Close() // the run before this one has removed it
	}
}

// openLock creates the file only if it does not exist: in a directory such as /tmp the kernel lets no one create the file of another
// user, though it can be opened.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	return f, err
}

func isAt(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, now)
}
