package candidate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// checkContained rejects a chart that is a link to another place of this machine: its files would be published.
func checkContained(repository, dir string) error {
	top, err := filepath.EvalSymlinks(repository)
	if err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	target, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	if !within(top, target) {
		return fmt.Errorf("%w: the chart in the candidates' repository is a link to a path outside of it; put the chart itself there", chart.ErrUnsafe)
	}
	return nil
}

func within(top, path string) bool {
	rel, err := filepath.Rel(top, path)
	return err == nil && filepath.IsLocal(rel)
}

// explainEscape names the cause of an error at a link that leads out of the candidates' repository in dir. Whoever may push there must
// not change files of this machine; os.Root does not follow such a link, and has no error of its own for it.
func explainEscape(dir string, err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at) && leadsOut(dir, at.Path):
	case errors.As(err, &link) && leadsOut(dir, link.New):
	default:
		return err
	}
	return fmt.Errorf("a link points outside of the candidates' repository; put the file itself there: %w: %w", chart.ErrUnsafe, err)
}

// maxLinks is the number of links after which a path is taken for a circle.
const maxLinks = 100

// leadsOut reports whether a path within dir leads out of it through a link, by the rules of os.Root: an absolute link leads out, too.
func leadsOut(dir, path string) bool {
	top, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	at, rest, links := top, strings.Split(filepath.ToSlash(path), "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		at = filepath.Join(at, name)
		if !within(top, at) {
			return true
		}
		target, err := os.Readlink(at)
		if err != nil { // not a link, or it does not exist
			continue
		}
		if links++; links > maxLinks {
			return false
		}
		if filepath.IsAbs(target) {
			return true
		}
		at, rest = filepath.Dir(at), append(strings.Split(filepath.ToSlash(target), "/"), rest...)
	}
	return false
}
