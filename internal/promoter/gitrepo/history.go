package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Checkout puts the work tree at ref, detached. Errors: ErrNoRef.
func (r *Repo) Checkout(ctx context.Context, ref string) error {
	hash, err := r.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	// A partial clone downloads the files now.
	_, err = r.remote(ctx, "", "checkout", "-q", "--detach", hash)
	return err
}

// Tag creates an annotated tag at HEAD. The same tag at the same commit is no error.
func (r *Repo) Tag(ctx context.Context, name, message string, a Author) error {
	return r.tag(ctx, name, message, a, "-a")
}

// ErrNotSigned: git has no key to sign with, or cannot use it.
var ErrNotSigned = failure.New(failure.BadInput, "git cannot sign: set user.signingKey, and gpg.format for an SSH key, and make sure that the key can be used without a prompt")

// SignedTag is Tag with a signature by the key of git's configuration (user.signingKey, gpg.format), within Options.Timeout. Errors:
// ErrNotSigned.
func (r *Repo) SignedTag(ctx context.Context, name, message string, a Author) error {
	_, missing := r.Resolve(ctx, "refs/tags/"+name)
	limited, cancel := context.WithTimeout(ctx, r.opts.timeout())
	defer cancel()
	err := r.tag(limited, name, message, a, "-s")
	if limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: no answer within %s; load the key into its agent first", ErrNotSigned, r.opts.timeout())
	}
	var ce *commandError
	if errors.As(err, &ce) {
		return fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	if err != nil {
		return err
	}
	// Git before 2.40 creates the tag without a signature, and succeeds, when an SSH key is missing.
	text, err := r.git(ctx, "cat-file", "tag", "refs/tags/"+name)
	if err == nil && signature.MatchString(text) {
		return nil
	}
	if missing != nil {
		err = r.DeleteTag(ctx, name)
	}
	return errors.Join(fmt.Errorf("tag %s: %w", name, ErrNotSigned), err)
}

// DeleteTag deletes a local tag; the remote's stays.
func (r *Repo) DeleteTag(ctx context.Context, name string) error {
	_, err := r.git(ctx, "tag", "-d", "--", name)
	return err
}

var signature = regexp.MustCompile(`(?m)^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----$`)

func (r *Repo) tag(ctx context.Context, name, message string, a Author, how string) error {
	head, err := r.Head(ctx)
	if err != nil {
		return err
	}
	if at, err := r.Resolve(ctx, "refs/tags/"+name); err == nil {
		if at == head {
			return nil
		}
		return fmt.Errorf("tag %s already exists at another commit, %.7s; choose another version", name, at)
	}
	_, err = r.run(ctx, call{args: []string{"tag", how, "-F", "-", "--", name}, stdin: message, env: r.identity(ctx, a)})
	return err
}

// TagsAt lists the tags of exactly this commit.
func (r *Repo) TagsAt(ctx context.Context, ref string) ([]string, error) {
	return r.lines(ctx, "tag", "--points-at", ref)
}

// Tags lists all local tags.
func (r *Repo) Tags(ctx context.Context) ([]string, error) { return r.lines(ctx, "tag", "--list") }

// RemoteTags lists the tags that origin has. Errors: ErrAuth, ErrUnreachable.
func (r *Repo) RemoteTags(ctx context.Context) ([]string, error) {
	out, err := r.readOrigin(ctx, "ls-remote", "--tags", "--refs", "origin")
	if err != nil {
		return nil, err
	}
	var tags []string
	for line := range strings.Lines(out) {
		if _, tag, ok := strings.Cut(strings.TrimSpace(line), "\trefs/tags/"); ok {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

// TagsReachable lists the tags whose commits are in the history of ref, itself included.
func (r *Repo) TagsReachable(ctx context.Context, ref string) ([]string, error) {
	return r.lines(ctx, "tag", "--merged", ref)
}

// Count is the number of commits in the history of ref that are not in that of base; an empty base counts all.
func (r *Repo) Count(ctx context.Context, base, ref string) (int, error) {
	if base != "" {
		ref = base + ".." + ref
	}
	out, err := r.git(ctx, "rev-list", "--count", "--end-of-options", ref)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// CommitTime is the committer's time of ref.
func (r *Repo) CommitTime(ctx context.Context, ref string) (time.Time, error) {
	log, err := r.Log(ctx, ref, 1)
	if err != nil {
		return time.Time{}, err
	}
	if len(log) == 0 {
		return time.Time{}, fmt.Errorf("%q: %w", ref, ErrNoRef)
	}
	return log[0].When, nil
}

// DirtyFiles lists tracked files that differ from HEAD. Files that git does not know do not count: what is built is
// an export of the commit, and they are not in it. With paths, only files of those are listed.
func (r *Repo) DirtyFiles(ctx context.Context, paths ...string) ([]string, error) {
	return r.lines(ctx, append([]string{"status", "--porcelain", "--no-renames", "--untracked-files=no", "--"}, top(paths)...)...)
}

// Files are those that git knows or would take, by their path: all but the ignored ones.
func (r *Repo) Files(ctx context.Context) ([]string, error) {
	out, err := r.git(ctx, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(out, func(c rune) bool { return c == 0 }), nil
}

// IsDirty is true when a tracked file differs from HEAD.
func (r *Repo) IsDirty(ctx context.Context) (bool, error) {
	files, err := r.DirtyFiles(ctx)
	return len(files) > 0, err
}

// IsShallow is true when history was cut off by a clone with a depth.
func (r *Repo) IsShallow(ctx context.Context) (bool, error) {
	out, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	return strings.TrimSpace(out) == "true", err
}

// Branch is the branch that is checked out, or empty on a detached head.
func (r *Repo) Branch(ctx context.Context) string {
	out, err := r.git(ctx, "symbolic-ref", "-q", "--short", "HEAD")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// File is the content of path at ref. Errors: ErrNoRef when it is missing.
func (r *Repo) File(ctx context.Context, ref, path string) ([]byte, error) {
	out, err := r.git(ctx, "cat-file", "blob", ref+":"+path)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", path, ref, errors.Join(ErrNoRef, err))
	}
	return []byte(out), nil
}

func (r *Repo) lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, err
	}
	if out = strings.TrimRight(out, "\n"); out == "" {
		return nil, nil
	}
	return strings.Split(out, "\n"), nil
}

// Diff is what the work tree, new files included, changes of HEAD.
func (r *Repo) Diff(ctx context.Context) (string, error) {
	if err := r.Add(ctx); err != nil {
		return "", err
	}
	return r.git(ctx, "diff", "--cached", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--diff-algorithm=default", "--submodule=short", "-M")
}

// Blobs are the files of a directory at ref by their paths within it, each with the hash of its content. Errors: ErrNoRef.
func (r *Repo) Blobs(ctx context.Context, ref, dir string) (map[string]string, error) {
	entries, err := r.Entries(ctx, ref, dir)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.Mode != submoduleMode {
			files[e.Path] = e.Hash
		}
	}
	return files, nil
}

// IsTop reports whether dir is the top of the work tree, through links too.
func (r *Repo) IsTop(dir string) bool {
	top, err := os.Stat(r.Dir)
	at, aerr := os.Stat(dir)
	return err == nil && aerr == nil && os.SameFile(top, at)
}

// Tracked lists the files of this work tree that git tracks, by slash-separated path. Repositories within it are left out.
func (r *Repo) Tracked(ctx context.Context) ([]string, error) {
	out, err := r.git(ctx, "ls-files", "-z", "--stage")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, line := range strings.Split(out, "\x00") {
		about, name, ok := strings.Cut(line, "\t")
		if ok && !strings.HasPrefix(about, "160000 ") {
			files = append(files, name)
		}
	}
	return slices.Compact(files), nil // a conflict has a file once for each side
}
