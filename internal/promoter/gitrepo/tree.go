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

// Tree is a directory with those files of a commit that were needed so far, at their paths in the commit: a chart among tens of
// thousands of files costs what the chart costs.
type Tree struct {
	// Dir is the top of the directory.
	Dir     string
	top     *module
	entries map[string]entry
	written map[string]bool
	tmp     string
}

// module is the repository that a part of the commit comes from: the commit's own, or that of a submodule.
type module struct {
	repo   *Repo
	commit string
	at     string // the path in the commit, "" for its own repository
	index  string
}

// entry is one file of the commit.
type entry struct {
	mode string
	hash string
	from *module
}

const (
	linkMode      = "120000"
	submoduleMode = "160000"
)

// Tree prepares a directory for files of a commit. Close releases what it holds; the files stay. Error: ErrNoRef.
func (r *Repo) Tree(ctx context.Context, ref, dir string) (*Tree, error) {
	hash, err := r.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	t := &Tree{entries: map[string]entry{}, written: map[string]bool{}}
	if t.Dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("export %.7s: %w", hash, err)
	}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("export %.7s: %w", hash, err)
	}
	if t.tmp, err = os.MkdirTemp("", "export-*"); err != nil {
		return nil, fmt.Errorf("export %.7s: %w", hash, err)
	}
	if t.top, err = t.mount(ctx, r, hash, ""); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close removes temporary files.
func (t *Tree) Close() { _ = os.RemoveAll(t.tmp) }

// Path is the place of a path of the commit.
func (t *Tree) Path(p string) string { return filepath.Join(t.Dir, filepath.FromSlash(p)) }

// mount adds the files of a repository's commit below a path.
func (t *Tree) mount(ctx context.Context, r *Repo, commit, at string) (*module, error) {
	m := &module{repo: r, commit: commit, at: at}
	out, err := r.git(ctx, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(out, "\x00") {
		about, name, ok := strings.Cut(line, "\t")
		if f := strings.Fields(about); ok && len(f) == 3 {
			t.entries[path.Join(at, name)] = entry{f[0], f[2], m}
		}
	}
	return m, nil
}

// Need writes the files at a slash-separated path of the commit and below it, and those that links among them lead to within the
// commit. Submodules on the way are taken from the work tree's own clone of them, or fetched. A path that the commit does not have is
// no error. Errors: ErrSubmodule, and those of a fetch.
func (t *Tree) Need(ctx context.Context, wanted string) error {
	wanted, inside, err := t.resolve(ctx, path.Clean(filepath.ToSlash(wanted)), 0)
	if err != nil || !inside {
		return err
	}
	for {
		below := t.below(wanted)
		missing := slices.IndexFunc(below, func(p string) bool { return t.entries[p].mode == submoduleMode })
		if missing < 0 {
			return t.write(ctx, below)
		}
		if err := t.mountSubmodule(ctx, below[missing]); err != nil {
			return err
		}
	}
}

// below are the files at a path and below it, sorted.
func (t *Tree) below(wanted string) []string {
	var found []string
	for p := range t.entries {
		if wanted == "." || p == wanted || strings.HasPrefix(p, wanted+"/") {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found
}

// maxLinks is the number of links after which a path is taken for a circle.
const maxLinks = 40

// resolve replaces the links in the directories of a path, and writes them: a path through them is to exist in the directory. inside
// is false for a path that leaves the commit.
func (t *Tree) resolve(ctx context.Context, wanted string, links int) (resolved string, inside bool, err error) {
	if !filepath.IsLocal(wanted) || links > maxLinks {
		return "", false, nil
	}
	parts := strings.Split(wanted, "/")
	for i := range parts {
		at := path.Join(parts[:i+1]...)
		switch e := t.entries[at]; e.mode {
		case submoduleMode:
			if err := t.mountSubmodule(ctx, at); err != nil {
				return "", false, err
			}
		case linkMode:
			if err := t.checkout(ctx, e.from, []string{at}); err != nil {
				return "", false, err
			}
			target, err := t.target(ctx, at)
			if err != nil || path.IsAbs(target) {
				return "", false, err
			}
			rest := append([]string{path.Dir(at), target}, parts[i+1:]...)
			return t.resolve(ctx, path.Join(rest...), links+1)
		}
	}
	return wanted, true, nil
}

// target is what a link contains.
func (t *Tree) target(ctx context.Context, link string) (string, error) {
	e := t.entries[link]
	target, err := e.from.repo.git(ctx, "cat-file", "blob", e.hash)
	return filepath.ToSlash(target), err
}

func (t *Tree) write(ctx context.Context, paths []string) error {
	var links []string
	byModule := map[*module][]string{}
	for _, p := range paths {
		if t.written[p] {
			continue
		}
		t.written[p] = true
		e := t.entries[p]
		byModule[e.from] = append(byModule[e.from], p)
		if e.mode == linkMode {
			links = append(links, p)
		}
	}
	for m, list := range byModule {
		if err := t.checkout(ctx, m, list); err != nil {
			return err
		}
	}
	for _, link := range links {
		target, err := t.target(ctx, link)
		if err != nil {
			return err
		}
		if path.IsAbs(target) {
			continue
		}
		if err := t.Need(ctx, path.Join(path.Dir(link), target)); err != nil {
			return err
		}
	}
	return nil
}

// checkout writes files of one repository, as a checkout of it would.
func (t *Tree) checkout(ctx context.Context, m *module, paths []string) error {
	if m.index == "" {
		index := filepath.Join(t.tmp, fmt.Sprintf("index-%s", m.commit))
		if _, err := m.repo.run(ctx, call{args: []string{"read-tree", m.commit}, env: []string{"GIT_INDEX_FILE=" + index}}); err != nil {
			return err
		}
		m.index = index
	}
	var list strings.Builder
	for _, p := range paths {
		list.WriteString(strings.TrimPrefix(strings.TrimPrefix(p, m.at), "/") + "\x00")
	}
	prefix := "--prefix=" + filepath.Join(t.Dir, filepath.FromSlash(m.at)) + "/"
	_, err := m.repo.run(ctx, call{args: []string{"checkout-index", "-f", "-z", "--stdin", prefix}, stdin: list.String(), env: []string{"GIT_INDEX_FILE=" + m.index}})
	return err
}

// mountSubmodule replaces the entry of a submodule by the files of its commit.
func (t *Tree) mountSubmodule(ctx context.Context, at string) error {
	e := t.entries[at]
	r, err := e.from.submodule(ctx, strings.TrimPrefix(strings.TrimPrefix(at, e.from.at), "/"), e.hash, t.tmp)
	if err != nil {
		return fmt.Errorf("the submodule %s: %w", at, err)
	}
	if _, err := t.mount(ctx, r, e.hash, at); err != nil {
		return errors.Join(ErrSubmodule, err)
	}
	delete(t.entries, at)
	return nil
}
