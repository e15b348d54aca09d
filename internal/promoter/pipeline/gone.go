package pipeline

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

// removeGone takes away what the chart no longer has, in a candidates' repository whose root is the chart: there its files
// stand beside others, so that the root cannot be cleared. A file is the chart's when the commit that the last candidate
// was made from has it in its chart, and when nobody has changed it here since.
func (s *Session) removeGone(ctx context.Context, dir, source string, root *os.Root) error {
	if s.Config.Tester().Candidate.Path != "." {
		return nil
	}
	candidates, err := gitrepo.Open(ctx, dir, s.gitOptions())
	if err != nil {
		return err
	}
	from, err := lastSource(ctx, candidates)
	if err != nil || from == "" {
		return err
	}
	repo, err := gitrepo.Open(ctx, s.Dir, s.gitOptions())
	if err != nil {
		return err
	}
	had, err := repo.Blobs(ctx, from, s.Config.Chart.Path)
	if errors.Is(err, gitrepo.ErrNoRef) { // rewritten since, or the chart was elsewhere
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
		if has[name] != content || engines(name) || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := root.Remove(filepath.FromSlash(name)); err != nil {
			return fmt.Errorf("replacing the chart: %w", err)
		}
	}
	return nil
}

// lastSource is the commit that the last candidate was made from, empty when there is none.
func lastSource(ctx context.Context, candidates *gitrepo.Repo) (string, error) {
	if _, err := candidates.Head(ctx); errors.Is(err, gitrepo.ErrNoRef) {
		return "", nil
	}
	log, err := candidates.Log(ctx, "HEAD", 0)
	for _, e := range log {
		if from := trailer(e.Body, sourceCommit); from != "" {
			return from, err
		}
	}
	return "", err
}

// engines tells the files of git and of CI engines from a chart's, whose only hidden one is .helmignore.
func engines(name string) bool { return strings.HasPrefix(name, ".") && name != ".helmignore" }
