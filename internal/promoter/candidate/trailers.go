package candidate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// A forge that merges a pull request keeps the candidate's files, but not always its commit: a merge commit has another message, and so
// may a squashed one. Where candidates go through pull requests, the lines of the message are therefore in a file as well, one for each
// chart, so that pull requests of several charts do not conflict. It is outside of the chart, and is not packaged.

const (
	versionLine = "Version"
	contentLine = "Content"
)

// maxTrailers limits a file of trailers, in bytes: it is read from a repository that others push to.
const maxTrailers = 1 << 20

func (r Repository) trailersPath() string { return chart.TrailersPath(r.settings().Path) }

// writeTrailers writes the trailers of a candidate into their file, where candidates go through pull requests or have done so. A candidate
// with the content of the last one is the same candidate, as without the file.
func (r Repository) writeTrailers(ctx context.Context, dir string, root *os.Root, u Update) error {
	name := filepath.FromSlash(r.trailersPath())
	before, err := readTrailers(root, r.settings().Path)
	if err != nil || before == "" && r.settings().PullRequest == nil {
		return err
	}
	repo, err := gitrepo.Open(ctx, dir, r.Git)
	if err != nil {
		return err
	}
	tree, err := repo.Staged(ctx, r.settings().Path)
	if err != nil {
		return err
	}
	content, err := contentOf(ctx, repo, tree, r.settings().Path)
	if err != nil || trailer(before, contentLine) == content {
		return err
	}
	u.Run = "" // it differs each time, and would make each of them another candidate
	_, lines, _ := strings.Cut(message(r.Config, u), "\n\n")
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return root.WriteFile(name, []byte(versionLine+": "+u.Version.Chart+"\n"+lines+contentLine+": "+content+"\n"), 0o644)
}

// readTrailers is the file of trailers of a chart in a checkout of the candidates' repository, "" if it has none.
func readTrailers(root *os.Root, chartPath string) (string, error) {
	f, err := root.Open(filepath.FromSlash(chart.TrailersPath(chartPath)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", noTrailers(chartPath, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTrailers+1))
	switch {
	case err != nil:
		return "", noTrailers(chartPath, err)
	case len(data) > maxTrailers:
		return "", noTrailers(chartPath, fmt.Errorf("it has more than %d bytes", maxTrailers))
	}
	return string(data), nil
}

func noTrailers(chartPath string, err error) error {
	return fmt.Errorf("%w: %s in the candidates' repository cannot be used; remove it, and create the candidate with bump: %w", failure.ErrInput, chart.TrailersPath(chartPath), err)
}

// trailers are those of the candidate in dir, the files of a checkout of repository, from their file; "" if it is missing, or if the chart
// was changed since.
func (r Repository) trailers(ctx context.Context, repository, dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", nil
	}
	defer root.Close()
	text, err := readTrailers(root, r.settings().Path)
	if err != nil || text == "" || !r.isOfChart(text) {
		return "", explainEscape(dir, err)
	}
	repo, err := gitrepo.Open(ctx, repository, r.Git)
	if err != nil {
		return "", err
	}
	changed, err := repo.DirtyFiles(ctx, r.settings().Path)
	if err != nil || slices.ContainsFunc(changed, func(line string) bool { return isOfContent(line[len("XY "):], r.settings().Path) }) {
		return "", err
	}
	return validTrailers(ctx, repo, "HEAD", r.settings().Path, text)
}

// validTrailers is the text of a file of trailers if it is that of the chart as a commit has it, "" otherwise.
func validTrailers(ctx context.Context, repo *gitrepo.Repo, commit, chartPath, text string) (string, error) {
	content, err := contentOf(ctx, repo, commit, chartPath)
	if errors.Is(err, gitrepo.ErrNoRef) || err == nil && trailer(text, contentLine) != content {
		return "", nil
	}
	return text, err
}

// SourceAt is the commit that the candidate of a commit was built from: its message names it, or after a merge with another message its
// file of trailers. It is "" if that file is of a chart that was changed since.
func SourceAt(ctx context.Context, repo *gitrepo.Repo, e gitrepo.Entry, chartPath string) string {
	if from := SourceCommit(e.Body); from != "" {
		return from
	}
	file, err := repo.File(ctx, e.Hash, chart.TrailersPath(chartPath))
	if err != nil {
		return ""
	}
	text, err := validTrailers(ctx, repo, e.Hash, chartPath, string(file))
	if err != nil {
		return ""
	}
	return SourceCommit(text)
}

// isOfChart reports whether the lines of a candidate do not name another one of several charts.
func (r Repository) isOfChart(lines string) bool {
	of := trailer(lines, chartTrailer)
	return of == "" || r.Config.Chart.Name == "" || of == r.Config.Chart.Name
}

// contentOf is a digest of the files of a chart in a commit or a tree: of their paths, their content, and whether they can be executed. It
// is of what git stores, as a checkout may have other line ends or the files of Git LFS.
func contentOf(ctx context.Context, repo *gitrepo.Repo, tree, chartPath string) (string, error) {
	entries, err := repo.Entries(ctx, tree, chartPath)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, e := range entries {
		if isOfContent(e.Path, chartPath) {
			fmt.Fprintf(sum, "%q %s %s\n", e.Path, e.Mode, e.Hash)
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// isOfContent reports whether a file at or below the path of a chart is of the chart: what is hidden at the top of a repository belongs to
// CI engines, or is the trailers.
func isOfContent(name, chartPath string) bool {
	first, _, _ := strings.Cut(name, "/")
	return path.Clean(filepath.ToSlash(chartPath)) != "." || !isHidden(first)
}

// linesOf are the lines that name the source of the candidate in dir, the files of a checkout of repository, and its last commit; nil if
// the repository is none.
func (r Repository) linesOf(ctx context.Context, repository, dir string) (lines string, last *gitrepo.Entry, err error) {
	if last, err = r.lastCommit(ctx, repository); err != nil || last == nil {
		return "", last, err
	}
	if lines, err = r.trailers(ctx, repository, dir); err != nil || lines != "" {
		return lines, last, err
	}
	if !r.isOfChart(last.Body) { // a checkout of one commit has no other
		return "", last, nil
	}
	return last.Body, last, nil
}
