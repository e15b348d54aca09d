package gitrepo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrShallow: the clone lacks the commits before its last one.
var ErrShallow = failure.New(failure.BadInput, "the clone has one commit only")

// Entry is one commit of a log.
type Entry struct {
	Hash, Subject, Body, Author string
	When                        time.Time
}

// Log lists the commits of a range ("v1.0..HEAD", "HEAD"), newest first, at most limit of them when that is positive,
// only those that touch one of paths when there are any.
func (r *Repo) Log(ctx context.Context, rng string, limit int, paths ...string) ([]Entry, error) {
	return r.log(ctx, nil, rng, limit, paths)
}

// MergedLog is Log with merges as the changes that they brought to their first parent, in place of the commits that were merged.
func (r *Repo) MergedLog(ctx context.Context, rng string, limit int, paths ...string) ([]Entry, error) {
	return r.log(ctx, []string{"--first-parent"}, rng, limit, paths)
}

func (r *Repo) log(ctx context.Context, options []string, rng string, limit int, paths []string) ([]Entry, error) {
	args := append([]string{"log", "-z", "--format=%H%x01%s%x01%b%x01%an%x01%cI"}, options...)
	if limit > 0 {
		args = append(args, "-n", strconv.Itoa(limit))
	}
	args = append(append(args, "--end-of-options", rng, "--"), paths...)
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, err
	}
	var log []Entry
	for _, rec := range strings.Split(out, "\x00") {
		f := strings.SplitN(rec, "\x01", 5)
		if len(f) != 5 {
			continue
		}
		when, err := time.Parse(time.RFC3339, strings.TrimSpace(f[4]))
		if err != nil {
			return nil, fmt.Errorf("read the time of commit %.7s: %w", f[0], err)
		}
		log = append(log, Entry{Hash: f[0], Subject: f[1], Body: strings.TrimSpace(f[2]), Author: f[3], When: when})
	}
	return log, nil
}

// LastChanged lists the files of a directory that the last commit has and its first parent has not, or has with other content. Error:
// ErrShallow if the parent was not cloned.
func (r *Repo) LastChanged(ctx context.Context, dir string) ([]string, error) {
	args := []string{"diff", "--name-only", "-z", "--no-renames", "--diff-filter=d", "HEAD^1", "HEAD"}
	if _, err := r.Resolve(ctx, "HEAD^1"); err != nil {
		if shallow, err := r.IsShallow(ctx); err != nil {
			return nil, err
		} else if shallow {
			return nil, ErrShallow
		}
		args = []string{"ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD"}
	}
	out, err := r.git(ctx, append(append(args, "--"), top([]string{dir})...)...)
	return strings.FieldsFunc(out, func(c rune) bool { return c == 0 }), err
}
