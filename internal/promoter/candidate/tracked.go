package candidate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// copyTracked returns a directory with the files of a checkout that git tracks, as they are in the work tree. Other files, such as the
// output of a build or this program's own work directory, would get into the package otherwise, and no clone would give that package
// again. A directory that is not the top of a work tree is returned as it is.
func (r Repository) copyTracked(ctx context.Context, dir string) (string, error) {
	// In the checkout, where a link leads where it was meant to: one that leads out may lead to another place from the copy.
	if _, err := chartIn(dir, r.settings().Path); err != nil {
		return "", err
	}
	repo, err := gitrepo.Open(ctx, dir, r.Git)
	if errors.Is(err, gitrepo.ErrNotARepository) {
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	to := r.Work.File(checkoutDir)
	if !repo.IsTop(dir) || repo.IsTop(to) {
		return dir, nil
	}
	files, err := repo.Tracked(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	if _, err := r.Work.Clear(checkoutDir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", fmt.Errorf("create %s: %w: %w", to, failure.ErrInput, err)
	}
	return to, copyFiles(dir, to, files)
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
			return explainEscape(to, explainEscape(from, err))
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
	case !info.Mode().IsRegular(): // to read a pipe would block
		return fmt.Errorf("%s is neither a file nor a link: %w", name, chart.ErrUnsafe)
	}
	data, err := source.ReadFile(name)
	if err != nil {
		return err
	}
	return target.WriteFile(name, data, info.Mode().Perm())
}
