package publish

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// directory is a directory that a web server serves. Readers need no lock: every
// file is written whole, and packages before the index that names them.
type directory struct{ folder folder }

const lockFile = ".chart-promoter.lock"

// exclusive calls do while no other process changes the directory.
func (d *directory) exclusive(ctx context.Context, do func(folder) (Result, error)) (Result, error) {
	if err := os.MkdirAll(d.folder.dir, 0o755); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	lock, err := os.OpenFile(filepath.Join(d.folder.dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	defer lock.Close()
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			// Closing the file alone leaves it locked while a program that this process is starting still has a copy of it. The end of
			// the process releases the lock too.
			defer func() { _ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) }()
			return do(d.folder)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return Result{}, fmt.Errorf("%w: lock %s: %w", ErrUnusable, lock.Name(), err)
		}
		select {
		case <-ctx.Done():
			return Result{}, fmt.Errorf("another process has locked %s: %w", lock.Name(), ctx.Err())
		case <-time.After(time.Duration(10+rand.IntN(40)) * time.Millisecond):
		}
	}
}

func (d *directory) Publish(ctx context.Context, item Item) (Result, error) {
	if item.DryRun { // takes no lock, which would create a file
		return d.folder.publish(item)
	}
	return d.exclusive(ctx, func(f folder) (Result, error) { return f.publish(item) })
}

func (d *directory) AddAttestation(ctx context.Context, name, version string, envelope []byte) (Result, error) {
	return d.exclusive(ctx, func(f folder) (Result, error) { return f.addAttestation(name, version, envelope) })
}

func (d *directory) Yank(ctx context.Context, name, version string) (Result, error) {
	return d.exclusive(ctx, func(f folder) (Result, error) { return f.yank(name, version) })
}

func (d *directory) Lookup(_ context.Context, name, version string) (string, bool, error) {
	e, err := d.folder.find(name, version)
	if errors.Is(err, ErrNone) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return e.Digest, true, nil
}

func (d *directory) Latest(_ context.Context, name string) (string, []byte, error) {
	e, err := d.folder.latest(name)
	if err != nil {
		return "", nil, err
	}
	pkg, err := d.folder.archive(e)
	return e.Version, pkg, err
}

func (d *directory) Package(_ context.Context, name, version string) ([]byte, error) {
	e, err := d.folder.find(name, version)
	if err != nil {
		return nil, err
	}
	return d.folder.archive(e)
}

func (d *directory) Attestations(_ context.Context, name, version string) ([][]byte, error) {
	return d.folder.attestations(name, version)
}

func (d *directory) AttestationsOf(_ context.Context, versions map[string][]string) (map[string]map[string][][]byte, error) {
	return d.folder.attestationsOf(versions)
}

func (d *directory) List(_ context.Context, names ...string) ([]index.Entry, error) {
	return d.folder.list(0, names)
}

func (d *directory) Newest(_ context.Context, limit int, names ...string) ([]index.Entry, error) {
	return d.folder.list(limit, names)
}

// writeFile replaces a file as a whole, and has it on the disk when it returns: after a power cut an index must not name a
// package that was only in memory. The part's name is fixed, as the writer holds the lock.
func writeFile(file string, content ...[]byte) error {
	return atomicfile.WritePieces(file, ".chart-promoter.part", content, 0o644)
}
