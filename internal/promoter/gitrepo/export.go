package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Export writes the files of ref into dir, without a repository, so that a build gets nothing that is not in the commit.
// Unlike an archive it contains every file, whatever .gitattributes excludes. With paths it writes these files and directories alone,
// and what symbolic links in them name within the commit; a path that the commit does not have is no error.
func (r *Repo) Export(ctx context.Context, ref, dir string, paths ...string) error {
	hash, err := r.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("export %.7s: %w", hash, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export %.7s: %w", hash, err)
	}
	which := call{args: []string{"checkout-index", "-a", "-f", "--prefix=" + dir + "/"}}
	if len(paths) > 0 && !slices.ContainsFunc(paths, func(p string) bool { return path.Clean(p) == "." }) {
		files, err := r.filesAt(ctx, hash, paths)
		if err != nil || len(files) == 0 {
			return err
		}
		which.args = []string{"checkout-index", "-f", "-z", "--stdin", "--prefix=" + dir + "/"}
		which.stdin = strings.Join(files, "\x00") + "\x00"
	}
	tmp, err := os.MkdirTemp("", "export-*")
	if err != nil {
		return fmt.Errorf("export %.7s: %w", hash, err)
	}
	defer os.RemoveAll(tmp)
	// The user's own index and work tree stay as they are. All of the commit is in this index, as attributes of a directory above
	// count for the files below.
	which.env = []string{"GIT_INDEX_FILE=" + filepath.Join(tmp, "index")}
	if _, err := r.run(ctx, call{args: []string{"read-tree", hash}, env: which.env}); err != nil {
		return err
	}
	_, err = r.run(ctx, which)
	return err
}

// maxFollowed is the number of rounds in which links are followed from one directory to the next.
const maxFollowed = 20

// filesAt are the files below paths at a commit, and those that symbolic links among them name within the commit.
func (r *Repo) filesAt(ctx context.Context, hash string, paths []string) ([]string, error) {
	found, done := map[string]bool{}, map[string]bool{}
	for range maxFollowed {
		args := []string{"ls-tree", "-r", "-z", "--full-tree", hash, "--"}
		for _, p := range paths {
			if p = path.Clean(filepath.ToSlash(p)); !done[p] {
				done[p], args = true, append(args, p)
			}
		}
		paths = nil
		if args[len(args)-1] == "--" {
			break
		}
		out, err := r.git(ctx, args...)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(out, "\x00") {
			about, name, ok := strings.Cut(line, "\t")
			if !ok || found[name] {
				continue
			}
			found[name] = true
			if strings.HasPrefix(about, "120000 ") {
				target, err := r.linkTarget(ctx, hash, name)
				if err != nil {
					return nil, err
				}
				paths = append(paths, target...)
			}
		}
	}
	files := make([]string, 0, len(found))
	for name := range found {
		files = append(files, name)
	}
	slices.Sort(files)
	return files, nil
}

// linkTarget is the path within a commit that a link names, in a list; empty for a link that leads out of the commit.
func (r *Repo) linkTarget(ctx context.Context, hash, name string) ([]string, error) {
	link, err := r.git(ctx, "cat-file", "blob", hash+":"+name)
	if err != nil {
		return nil, fmt.Errorf("%s at %.7s: %w", name, hash, errors.Join(ErrNoRef, err))
	}
	target := path.Join(path.Dir(name), link)
	if path.IsAbs(link) || !filepath.IsLocal(filepath.FromSlash(target)) {
		return nil, nil
	}
	return []string{target}, nil
}
