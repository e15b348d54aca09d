package candidate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// removeDeleted removes what the chart no longer has from a repository whose root is the chart: its files are beside others, so that
// the root cannot be cleared. A file belongs to the chart when the commit that the last candidate was built from has it in its chart,
// and when it has not been changed here since.
func (r Repository) removeDeleted(ctx context.Context, dir, source string, root *os.Root) error {
	if r.settings().Path != "." {
		return nil
	}
	candidates, err := gitrepo.Open(ctx, dir, r.Git)
	if err != nil {
		return err
	}
	from, err := r.lastSource(ctx, candidates)
	if err != nil || from == "" {
		return err
	}
	repo, err := gitrepo.Open(ctx, r.Source, r.Git)
	if err != nil {
		return err
	}
	had, err := repo.Blobs(ctx, from, r.Config.Chart.Path)
	if errors.Is(err, gitrepo.ErrNoRef) { // rewritten since, or the chart was at another path
		return nil
	}
	if err != nil {
		return err
	}
	has, err := candidates.Blobs(ctx, "HEAD", ".")
	if err != nil {
		return err
	}
	for name, content := range had {
		_, err := os.Lstat(filepath.Join(source, name))
		if has[name] != content || isHidden(name) || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := root.Remove(filepath.FromSlash(name)); err != nil {
			return fmt.Errorf("replace the chart: %w", err)
		}
	}
	return nil
}

// lastSource is the commit that the last candidate of the chart was built from, empty when there is none.
func (r Repository) lastSource(ctx context.Context, candidates *gitrepo.Repo) (string, error) {
	if _, err := candidates.Head(ctx); errors.Is(err, gitrepo.ErrNoRef) {
		return "", nil
	}
	root, err := os.OpenRoot(candidates.Dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	text, err := readTrailers(root, r.settings().Path)
	if from := SourceCommit(text); err != nil || from != "" {
		return from, err
	}
	log, err := candidates.Log(ctx, "HEAD", 0)
	for _, e := range log {
		if from := SourceCommit(e.Body); from != "" && r.isOfChart(e.Body) {
			return from, err
		}
	}
	return "", err
}

// isHidden reports whether a file belongs to git or a CI engine; a chart has one hidden file only, .helmignore.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") && name != ".helmignore" }
