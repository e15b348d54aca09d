package gitrepo

import (
	"context"
	"errors"
	"os/exec"
	"strings"
)

// IsAncestor reports whether a commit is in the history of another one, which includes itself. Errors: ErrNoRef.
func (r *Repo) IsAncestor(ctx context.Context, commit, of string) (bool, error) {
	for _, c := range []string{commit, of} {
		if _, err := r.Resolve(ctx, c); err != nil {
			return false, err
		}
	}
	_, err := r.git(ctx, "merge-base", "--is-ancestor", commit, of)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// RemoteHeads fetches what the branches of origin have, without changing a branch or a tag of this repository, and returns their
// commits by branch. Errors: ErrAuth, ErrUnreachable.
func (r *Repo) RemoteHeads(ctx context.Context) (map[string]string, error) {
	out, err := r.readOrigin(ctx, "ls-remote", "--heads", "origin")
	if err != nil {
		return nil, err
	}
	heads := map[string]string{}
	var unknown []string
	for line := range strings.Lines(out) {
		hash, name, ok := strings.Cut(strings.TrimSpace(line), "\trefs/heads/")
		if !ok {
			continue
		}
		heads[name] = hash
		if _, err := r.Resolve(ctx, hash); err != nil {
			unknown = append(unknown, "refs/heads/"+name)
		}
	}
	if len(unknown) == 0 {
		return heads, nil
	}
	fetch := append([]string{"fetch", "-q", "--no-tags", "--no-write-fetch-head", "--refmap=", "origin"}, unknown...)
	_, err = r.readOrigin(ctx, fetch...)
	return heads, err
}

// IsPushed reports whether a branch of origin has the commit. Errors: ErrAuth, ErrUnreachable, ErrNoRef.
func (r *Repo) IsPushed(ctx context.Context, commit string) (bool, error) {
	heads, err := r.RemoteHeads(ctx)
	if err != nil {
		return false, err
	}
	for _, head := range heads {
		// A branch that moved since it was listed has its new commit here, and not the listed one.
		if in, err := r.IsAncestor(ctx, commit, head); in || err != nil && !errors.Is(err, ErrNoRef) {
			return in, err
		}
	}
	return false, nil
}
