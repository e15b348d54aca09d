package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var errUnanswered = failure.New(failure.External, "git cat-file did not answer all names")

// top is a path from the top of the work tree, in which no character is special.
func top(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = ":(top,literal)" + filepath.ToSlash(filepath.Clean(p))
		if filepath.Clean(p) == "." { // which is no file
			out[i] = ":(top)"
		}
	}
	return out
}

// LastChange is the full hash of the last commit in the history of ref that changed one of the paths. Error: ErrNoRef if none did.
func (r *Repo) LastChange(ctx context.Context, ref string, paths ...string) (string, error) {
	out, err := r.git(ctx, append([]string{"rev-list", "-1", "--end-of-options", ref, "--"}, top(paths)...)...)
	if err == nil && strings.TrimSpace(out) == "" {
		err = fmt.Errorf("no commit has %s: %w", strings.Join(paths, ", "), ErrNoRef)
	}
	return strings.TrimSpace(out), err
}

// CountChanges is the number of commits that changed one of the paths in the history of ref and not in that of base; an empty base
// counts all.
func (r *Repo) CountChanges(ctx context.Context, base, ref string, paths ...string) (int, error) {
	if base != "" {
		ref = base + ".." + ref
	}
	out, err := r.git(ctx, append([]string{"rev-list", "--count", "--end-of-options", ref, "--"}, top(paths)...)...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// MergeBase is the commit at which two histories part. Error: ErrNoRef.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	if _, err := r.Resolve(ctx, a); err != nil {
		return "", err
	}
	out, err := r.git(ctx, "merge-base", a, b)
	if err != nil {
		return "", fmt.Errorf("%s and %s have no common commit here; fetch all of the history: %w", a, b, ErrNoRef)
	}
	return strings.TrimSpace(out), nil
}

// Object is a file or a directory at a revision, "" and nil if it does not exist.
type Object struct {
	Hash    string
	Content []byte // of a file
}

// Objects reads objects by their names, such as HEAD:charts/api, in one process: their hashes, and the content of files if that is
// wanted. Names with line ends do not exist.
func (r *Repo) Objects(ctx context.Context, content bool, names ...string) ([]Object, error) {
	if len(names) == 0 {
		return nil, nil
	}
	how := "--batch-check"
	if content {
		how = "--batch"
	}
	var in strings.Builder
	for _, n := range names {
		in.WriteString(strings.NewReplacer("\n", "\x7f", "\r", "\x7f").Replace(n) + "\n")
	}
	out, err := r.run(ctx, call{args: []string{"cat-file", how}, stdin: in.String()})
	if err != nil {
		return nil, err
	}
	list := make([]Object, len(names))
	for i := range names {
		line, rest, found := strings.Cut(out, "\n")
		if !found {
			return nil, fmt.Errorf("%w: %d of %d", errUnanswered, i, len(names))
		}
		out = rest
		f := strings.Fields(line)
		if len(f) != 3 || strings.HasSuffix(line, " missing") {
			continue
		}
		list[i].Hash = f[0]
		size, err := strconv.Atoi(f[2])
		if !content || err != nil || size >= len(out) {
			continue
		}
		if f[1] == "blob" {
			list[i].Content = []byte(out[:size])
		}
		out = out[size+1:]
	}
	return list, nil
}

// FileVersions are the contents of a file by the full hashes of the commits that changed it, of the last ones in the history of ref that
// did. A partial clone downloads what it lacks at once, and with its credentials; git alone would download file by file, without them.
func (r *Repo) FileVersions(ctx context.Context, ref string, limit int, path string) (map[string][]byte, error) {
	args := []string{"rev-list", "-n", strconv.Itoa(limit), "--objects", "--missing=print", "--end-of-options", ref, "--"}
	out, err := r.git(ctx, append(args, top([]string{path})...)...)
	if err != nil {
		return nil, err
	}
	var commits, names []string
	var missing strings.Builder
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if hash, ok := strings.CutPrefix(line, "?"); ok {
			missing.WriteString(hash + "\n")
		} else if !strings.Contains(line, " ") { // a tree or a file has a space after its hash
			commits, names = append(commits, line), append(names, line+":"+filepath.ToSlash(path))
		}
	}
	if missing.Len() > 0 {
		args := []string{"fetch", "-q", "--no-write-fetch-head", "--no-tags", "--recurse-submodules=no", "--filter=blob:none", "--stdin", "origin"}
		if _, err := r.run(ctx, call{args: args, stdin: missing.String(), remote: r.originURL(ctx), network: true}); err != nil {
			return nil, err
		}
	}
	objects, err := r.Objects(ctx, true, names...)
	if err != nil {
		return nil, err
	}
	versions := map[string][]byte{}
	for i, o := range objects {
		versions[commits[i]] = o.Content
	}
	return versions, nil
}

// Entries are the files of a directory of a commit or a tree, in the order of git, as git has them: without the changes of a checkout,
// such as other line ends. Error: ErrNoRef.
func (r *Repo) Entries(ctx context.Context, tree, dir string) ([]TreeEntry, error) {
	if dir = filepath.ToSlash(filepath.Clean(dir)); dir != "." {
		tree += ":" + dir
	}
	list, err := r.listTree(ctx, "-r", "--end-of-options", tree)
	if err != nil {
		return nil, fmt.Errorf("%s at %.7s: %w", dir, tree, errors.Join(ErrNoRef, err))
	}
	return list, nil
}

// listTree is what ls-tree lists.
func (r *Repo) listTree(ctx context.Context, args ...string) ([]TreeEntry, error) {
	out, err := r.git(ctx, append([]string{"ls-tree", "-z", "--full-tree"}, args...)...)
	if err != nil {
		return nil, err
	}
	var list []TreeEntry
	for line := range strings.SplitSeq(out, "\x00") {
		about, name, ok := strings.Cut(line, "\t")
		if f := strings.Fields(about); ok && len(f) == 3 {
			list = append(list, TreeEntry{Path: name, Mode: f[0], Hash: f[2]})
		}
	}
	return list, nil
}

// TreeEntry is a file of a tree: its path within the directory, its mode (100644, 100755 or 120000) and the hash of its content.
type TreeEntry struct{ Path, Mode, Hash string }

// Staged stages paths as Add does, and is the tree that a commit would have.
func (r *Repo) Staged(ctx context.Context, paths ...string) (tree string, err error) {
	if err := r.Add(ctx, top(paths)...); err != nil {
		return "", err
	}
	out, err := r.git(ctx, "write-tree")
	return strings.TrimSpace(out), err
}
