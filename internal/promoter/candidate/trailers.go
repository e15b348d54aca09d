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

// writeTrailers writes the trailers of a candidate into their file, where candidates go through pull requests or have done so. A candidate with the content
// of the last one is the same candidate, as without the file.
func (r Repository) writeTrailers(root *os.Root, u Update) error {
	name := filepath.FromSlash(r.trailersPath())
	before, err := readTrailers(root, r.settings().Path)
	if err != nil || before == "" && r.settings().PullRequest == nil {
		return err
	}
	content, err := contentOf(root, r.settings().Path)
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

// trailers are those of the candidate in a checkout, from their file; "" if it is missing, or if the chart was changed since.
func (r Repository) trailers(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", nil
	}
	defer root.Close()
	text, err := readTrailers(root, r.settings().Path)
	if err != nil || text == "" {
		return "", explainEscape(dir, err)
	}
	content, err := contentOf(root, r.settings().Path)
	if err != nil || trailer(text, contentLine) != content || !r.isOfChart(text) {
		return "", explainEscape(dir, err)
	}
	return text, nil
}

// isOfChart reports whether the lines of a candidate do not name another one of several charts.
func (r Repository) isOfChart(lines string) bool {
	of := trailer(lines, chartTrailer)
	return of == "" || r.Config.Chart.Name == "" || of == r.Config.Chart.Name
}

// contentOf is a digest of the files of a chart: of their paths, their content, and whether they can be executed.
func contentOf(root *os.Root, chartPath string) (string, error) {
	chartPath = path.Clean(filepath.ToSlash(chartPath))
	found, err := snapshot(root, chartPath)
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(found))
	for name := range found {
		if top, _, _ := strings.Cut(name, "/"); chartPath == "." && isHidden(top) { // of CI engines, and the trailers
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		f := found[name]
		fmt.Fprintf(sum, "%q %t %t %x\n", name, f.mode&fs.ModeSymlink != 0, f.mode&0o100 != 0, sha256.Sum256(f.content))
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// linesOf are the lines that name the source of the candidate in dir, the files of a checkout of repository, and its last commit; nil if
// the repository is none.
func (r Repository) linesOf(ctx context.Context, repository, dir string) (lines string, last *gitrepo.Entry, err error) {
	if last, err = r.lastCommit(ctx, repository); err != nil || last == nil {
		return "", last, err
	}
	if lines, err = r.trailers(dir); err != nil || lines != "" {
		return lines, last, err
	}
	if !r.isOfChart(last.Body) { // a checkout of one commit has no other
		return "", last, nil
	}
	return last.Body, last, nil
}
