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
// thousands of files costs what the chart costs. Neither the others nor their directories are read.
type Tree struct {
	// Dir is the top of the directory.
	Dir string
	// modules are the repositories by the paths that they are at.
	modules map[string]*module
	// entries are the files that are known so far, all that are at and below the paths in listed.
	entries map[string]entry
	listed  map[string]bool
	written map[string]bool
	tmp     string
}

// module is the repository that a part of the commit comes from: the commit's own, or that of a submodule.
type module struct {
	repo   *Repo
	commit string
	at     string // the path in the commit, "" for its own repository
}

// within is a path of the commit within the module.
func (m *module) within(p string) string { return strings.TrimPrefix(strings.TrimPrefix(p, m.at), "/") }

// entry is one file of the commit.
type entry struct {
	mode string
	hash string
	from *module
}

const (
	linkMode      = "120000"
	submoduleMode = "160000"
	directoryMode = "040000"
)

// Tree prepares a directory for files of a commit. Close releases what it holds; the files stay. Error: ErrNoRef.
func (r *Repo) Tree(ctx context.Context, ref, dir string) (*Tree, error) {
	hash, err := r.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	t := &Tree{modules: map[string]*module{"": {repo: r, commit: hash}}, entries: map[string]entry{}, listed: map[string]bool{}, written: map[string]bool{}}
	if t.Dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("export %.7s: %w", hash, err)
	}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("export %.7s: %w", hash, err)
	}
	if t.tmp, err = os.MkdirTemp("", "export-*"); err != nil {
		return nil, fmt.Errorf("export %.7s: %w", hash, err)
	}
	return t, nil
}

// Close removes temporary files.
func (t *Tree) Close() { _ = os.RemoveAll(t.tmp) }

// Path is the place of a path of the commit.
func (t *Tree) Path(p string) string { return filepath.Join(t.Dir, filepath.FromSlash(p)) }

// moduleOf is the repository that has a path.
func (t *Tree) moduleOf(p string) *module {
	for at := p; at != "."; at = path.Dir(at) {
		if m := t.modules[at]; m != nil {
			return m
		}
	}
	return t.modules[""]
}

// list makes known what the commit has at a path and below it, and the attributes that files there may have.
func (t *Tree) list(ctx context.Context, wanted string) error {
	if t.listed[wanted] {
		return nil
	}
	m := t.moduleOf(wanted)
	paths := []string{m.within(wanted)}
	for dir := m.within(wanted); dir != "" && dir != "."; {
		dir = path.Dir(dir)
		paths = append(paths, path.Join(dir, attributes))
	}
	found, err := m.repo.listTree(ctx, append([]string{"-r", "--end-of-options", m.commit, "--"}, top(paths)...)...)
	if err != nil {
		return fmt.Errorf("list %s: %w", wanted, err)
	}
	t.listed[wanted] = true
	for _, e := range found {
		p := path.Join(m.at, e.Path)
		if e.Mode != submoduleMode || t.modules[p] == nil {
			t.entries[p] = entry{e.Mode, e.Hash, m}
		} else if err := t.list(ctx, p); err != nil { // of which a part is known
			return err
		}
	}
	return nil
}

// attributes is the file that states how git writes the files of its directory and below it.
const attributes = ".gitattributes"

// at is the file, link or submodule at a path; its mode is empty where the commit has a directory, or nothing.
func (t *Tree) at(ctx context.Context, p string) (entry, error) {
	if e, known := t.entries[p]; known || t.modules[p] != nil || len(t.below(p)) > 0 {
		return e, nil
	}
	m := t.moduleOf(p)
	found, err := m.repo.listTree(ctx, append([]string{"--end-of-options", m.commit, "--"}, top([]string{m.within(p)})...)...)
	if err != nil || len(found) != 1 || found[0].Mode == directoryMode {
		return entry{}, err
	}
	e := entry{found[0].Mode, found[0].Hash, m}
	t.entries[p] = e
	return e, nil
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
		if err := t.mountSubmodule(ctx, below[missing], below[missing]); err != nil {
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
	if err := t.list(ctx, wanted); err != nil {
		return "", false, err
	}
	parts := strings.Split(wanted, "/")
	for i := range parts {
		at := path.Join(parts[:i+1]...)
		e, err := t.at(ctx, at)
		if err != nil {
			return "", false, err
		}
		switch e.mode {
		case submoduleMode:
			if err := t.mountSubmodule(ctx, at, wanted); err != nil {
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

// checkout writes files of one repository, as a checkout of it would. Its index has these files alone, and the attributes of their
// directories.
func (t *Tree) checkout(ctx context.Context, m *module, paths []string) error {
	var index, list strings.Builder
	add := func(p string) {
		fmt.Fprintf(&index, "%s %s\t%s\x00", t.entries[p].mode, t.entries[p].hash, m.within(p))
	}
	for p, e := range t.entries {
		if e.from == m && path.Base(p) == attributes {
			add(p)
		}
	}
	for _, p := range paths {
		add(p)
		list.WriteString(m.within(p) + "\x00")
	}
	dir, err := os.MkdirTemp(t.tmp, "index-*")
	if err != nil {
		return fmt.Errorf("export %.7s: %w", m.commit, err)
	}
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	if _, err := m.repo.run(ctx, call{args: []string{"update-index", "-z", "--index-info"}, stdin: index.String(), env: env}); err != nil {
		return err
	}
	prefix := "--prefix=" + filepath.Join(t.Dir, filepath.FromSlash(m.at)) + "/"
	_, err = m.repo.run(ctx, call{args: []string{"checkout-index", "-f", "-z", "--stdin", prefix}, stdin: list.String(), env: env})
	return err
}

// mountSubmodule replaces the entry of a submodule by the files of its commit that are at and below a path.
func (t *Tree) mountSubmodule(ctx context.Context, at, wanted string) error {
	e := t.entries[at]
	r, err := e.from.submodule(ctx, e.from.within(at), e.hash, t.tmp)
	if err != nil {
		return fmt.Errorf("the submodule %s: %w", at, err)
	}
	t.modules[at] = &module{repo: r, commit: e.hash, at: at}
	delete(t.entries, at)
	delete(t.listed, wanted)
	if err := t.list(ctx, wanted); err != nil {
		return errors.Join(ErrSubmodule, err)
	}
	return nil
}
