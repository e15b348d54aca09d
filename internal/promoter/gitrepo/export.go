package gitrepo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Export writes the files of ref into dir, without a repository, so that a build gets nothing that is not in the commit.
// Unlike an archive it contains every file, whatever .gitattributes excludes. See Tree for a part of a commit.
func (r *Repo) Export(ctx context.Context, ref, dir string) error {
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
