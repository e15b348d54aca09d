package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// gitTarget is a branch of a git repository, or a folder of it. A package, its attestations and its
// entry in the index are one commit. When another publisher pushed first, the
// change is repeated on top of that push. If the server supports filters, only the
// index and the files of the package are fetched. A branch that does not exist
// is created, without any history, by the first change.
type gitTarget struct {
	url, branch, served string
	path                string // of the folder, with slashes; "." is the root
	page                *Page
	head                func(message string) string // the branch of a pull request for a change, nil for pushes
	opts                options
}

// files returns the patterns of a sparse checkout of the index, its page and the files named.
func (g *gitTarget) files(names ...string) []string {
	if g.page != nil {
		names = append(names, g.page.Name)
	}
	escape := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, ` `, `\ `)
	var patterns []string
	at := ""
	if g.path != "." {
		// The folders themselves without their other files: a file or a link in place of a folder must be seen.
		for part := range strings.SplitSeq(g.path, "/") {
			at += "/" + escape.Replace(part)
			patterns = append(patterns, at, "!"+at+"/*")
		}
	}
	for _, n := range append([]string{indexFile}, names...) {
		patterns = append(patterns, at+"/"+escape.Replace(n))
	}
	return patterns
}

// folder is the folder of the target in a checkout.
func (g *gitTarget) folder(ctx context.Context, dir string) (folder, error) {
	f := folder{dir: filepath.Join(dir, filepath.FromSlash(g.path)), url: g.served, page: g.page, newBranch: newBranch(ctx, dir)}
	if g.path == "." {
		return f, nil
	}
	for part := range strings.SplitSeq(g.path, "/") {
		dir = filepath.Join(dir, part)
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return f, nil
		}
		if err != nil {
			return f, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		// A link that was pushed would lead to a directory of this machine.
		if !info.IsDir() {
			return f, fmt.Errorf("%s of path %s is a file or a link in the branch instead of a folder; remove it there, or name another path: %w", part, g.path, ErrUnusable)
		}
	}
	return f, nil
}

func (g *gitTarget) versionFiles(name, version string) []string {
	archive := name + "-" + version + ".tgz"
	return g.files(archive, archive+".prov", attestationsFile(name, version), index.FilesDir(name, version)+"/")
}

func (g *gitTarget) change(ctx context.Context, sparse []string, message string, do func(folder) (Result, error)) (Result, error) {
	var result Result
	mutate := func(dir string) (string, bool, error) {
		f, err := g.folder(ctx, dir)
		if err != nil {
			return "", false, err
		}
		if err := os.MkdirAll(f.dir, 0o755); err != nil {
			return "", false, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		result, err = do(f)
		return message, result.Changed, err
	}
	if g.head != nil {
		return g.propose(ctx, sparse, message, mutate, &result)
	}
	commit, committed, err := gitrepo.Update(ctx, g.url, g.branch, mutate, gitrepo.UpdateOptions{
		Options: g.opts.git, Author: g.opts.author, Sparse: sparse, Orphan: true,
	})
	if err != nil {
		return Result{}, err
	}
	if result.Changed && !committed {
		return Result{}, fmt.Errorf("git reports no change after the files were written; check the repository's .gitattributes for a filter: %w", ErrUnusable)
	}
	result.Commit = commit
	return result, nil
}

// newBranch is the branch of a clone that has no commit yet, or "".
func newBranch(ctx context.Context, dir string) string {
	r, err := gitrepo.Open(ctx, dir, gitrepo.Options{})
	if err != nil {
		return ""
	}
	if _, err := r.Head(ctx); !errors.Is(err, gitrepo.ErrNoRef) {
		return ""
	}
	return r.Branch(ctx)
}

func (g *gitTarget) Publish(ctx context.Context, item Item) (Result, error) {
	p, message := item.Package, item.Message
	if message == "" {
		message = fmt.Sprintf("Publish %s %s", p.Name, p.Version)
	}
	if item.DryRun {
		var result Result
		err := g.read(ctx, g.versionFiles(p.Name, p.Version), func(f folder) error {
			var err error
			result, err = f.publish(item)
			return err
		})
		return result, err
	}
	item.Created = item.created() // the same in each attempt
	return g.change(ctx, g.versionFiles(p.Name, p.Version), message, func(f folder) (Result, error) { return f.publish(item) })
}

func (g *gitTarget) AddAttestation(ctx context.Context, name, version string, envelope []byte) (Result, error) {
	message := fmt.Sprintf("Add an attestation to %s %s", name, version)
	return g.change(ctx, g.versionFiles(name, version), message, func(f folder) (Result, error) { return f.addAttestation(name, version, envelope) })
}

func (g *gitTarget) Yank(ctx context.Context, name, version string) (Result, error) {
	message := fmt.Sprintf("Yank %s %s", name, version)
	return g.change(ctx, g.files(), message, func(f folder) (Result, error) { return f.yank(name, version) })
}

// read calls do with a sparse checkout.
func (g *gitTarget) read(ctx context.Context, sparse []string, do func(folder) error) error {
	dir, err := os.MkdirTemp("", "chart-promoter-")
	if err != nil {
		return fmt.Errorf("create a directory for a checkout: %w", err)
	}
	defer os.RemoveAll(dir)
	dir = filepath.Join(dir, "checkout")
	if _, err := gitrepo.Clone(ctx, g.url, dir, gitrepo.CloneOptions{Branch: g.branch, Depth: 1, Sparse: sparse, Orphan: true, Options: g.opts.git}); err != nil {
		return err
	}
	f, err := g.folder(ctx, dir)
	if err != nil {
		return err
	}
	return do(f)
}

func (g *gitTarget) Lookup(ctx context.Context, name, version string) (digest string, found bool, err error) {
	err = g.read(ctx, g.files(), func(f folder) error {
		e, err := f.find(name, version)
		if errors.Is(err, ErrNone) {
			return nil
		}
		if err == nil {
			digest, found = e.Digest, true
		}
		return err
	})
	return digest, found, err
}

func (g *gitTarget) Latest(ctx context.Context, name string) (version string, pkg []byte, err error) {
	e, pkg, err := g.archive(ctx, func(f folder) (*index.Entry, error) { return f.latest(name) })
	if e == nil {
		return "", nil, err
	}
	return e.Version, pkg, err
}

func (g *gitTarget) Package(ctx context.Context, name, version string) ([]byte, error) {
	_, pkg, err := g.archive(ctx, func(f folder) (*index.Entry, error) { return f.find(name, version) })
	return pkg, err
}

// archive fetches the index alone first, since only that names the package.
func (g *gitTarget) archive(ctx context.Context, pick func(folder) (*index.Entry, error)) (e *index.Entry, pkg []byte, err error) {
	err = g.read(ctx, g.files(), func(f folder) error {
		e, err = pick(f)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = g.read(ctx, g.files(archiveFile(e)), func(f folder) error {
		pkg, err = f.archive(e)
		return err
	})
	return e, pkg, err
}

func (g *gitTarget) Attestations(ctx context.Context, name, version string) (attestations [][]byte, err error) {
	err = g.read(ctx, g.versionFiles(name, version), func(f folder) error {
		attestations, err = f.attestations(name, version)
		return err
	})
	return attestations, err
}

func (g *gitTarget) AttestationsOf(ctx context.Context, versions map[string][]string) (all map[string]map[string][][]byte, err error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		for _, v := range versions[name] {
			names = append(names, attestationsFile(name, v))
		}
	}
	err = g.read(ctx, g.files(names...), func(f folder) error {
		all, err = f.attestationsOf(versions)
		return err
	})
	return all, err
}

func (g *gitTarget) List(ctx context.Context, names ...string) (entries []index.Entry, err error) {
	return g.Newest(ctx, 0, names...)
}

func (g *gitTarget) Newest(ctx context.Context, limit int, names ...string) (entries []index.Entry, err error) {
	err = g.read(ctx, g.files(), func(f folder) error {
		entries, err = f.list(limit, names)
		return err
	})
	return entries, err
}
