package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// onlyTracked gives a directory with the files of a checkout that its repository has, as they are in the work tree. What
// lies beside them, such as what a build left or this program's own work directory, would get into the package otherwise,
// and no clone would give that package again. A directory that is not the top of a work tree is taken as it is.
func (s *Session) onlyTracked(ctx context.Context, dir string) (string, error) {
	r, err := gitrepo.Open(ctx, dir, s.gitOptions())
	if errors.Is(err, gitrepo.ErrNotARepository) {
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInput, err)
	}
	to := filepath.Join(s.Work, "candidate")
	if !sameFile(dir, r.Dir) || sameFile(dir, to) {
		return dir, nil
	}
	files, err := r.Tracked(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInput, err)
	}
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o755)); err != nil {
		return "", fmt.Errorf("clearing %s: %w: %w", to, ErrInput, err)
	}
	return to, escapes(copyFiles(dir, to, files))
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, berr := os.Stat(b)
	return err == nil && berr == nil && os.SameFile(x, y)
}

// copyFiles copies files by their paths within two directories, which no link leads out of.
func copyFiles(from, to string, files []string) error {
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()
	for _, name := range files {
		if err := copyFile(source, target, filepath.FromSlash(name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(source, target *os.Root, name string) error {
	info, err := source.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // deleted, and not committed yet
		return nil
	case err != nil:
		return err
	case info.IsDir(): // what is in it now is not tracked
		return nil
	}
	if err := target.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := source.Readlink(name)
		if err != nil {
			return err
		}
		return target.Symlink(link, name)
	case !info.Mode().IsRegular(): // to read a pipe would wait for ever
		return fmt.Errorf("%s is neither a file nor a link: %w", name, chart.ErrUnsafe)
	}
	data, err := source.ReadFile(name)
	if err != nil {
		return err
	}
	return target.WriteFile(name, data, info.Mode().Perm())
}
