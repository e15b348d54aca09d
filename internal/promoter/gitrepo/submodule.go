package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrSubmodule: the commit of a submodule cannot be found.
var ErrSubmodule = failure.New(failure.BadInput, "the submodule's commit is not available: check its entry in .gitmodules, or clone with --recurse-submodules")

// submodule returns a repository that has a submodule's commit: the clone in the work tree, or else one of the address in .gitmodules,
// below dir.
func (m *module) submodule(ctx context.Context, at, commit, dir string) (*Repo, error) {
	if local := filepath.Join(m.repo.Dir, filepath.FromSlash(at)); m.repo.Dir != "" {
		r, err := Open(ctx, local, m.repo.opts)
		if err == nil && r.IsTop(local) && r.has(ctx, commit) {
			return r, nil
		}
	}
	address, err := m.submoduleURL(ctx, at)
	if err != nil {
		return nil, err
	}
	to, err := os.MkdirTemp(dir, "module-*")
	if err != nil {
		return nil, fmt.Errorf("clone a submodule: %w", err)
	}
	return fetchCommit(ctx, address, commit, to, m.repo.opts)
}

func (r *Repo) has(ctx context.Context, commit string) bool {
	_, err := r.git(ctx, "cat-file", "-e", commit+"^{commit}")
	return err == nil
}

// submoduleURL is the address that .gitmodules has for a path; a relative one starts at that of origin.
func (m *module) submoduleURL(ctx context.Context, at string) (string, error) {
	out, err := m.repo.git(ctx, "config", "-z", "--blob", m.commit+":.gitmodules", "--get-regexp", `^submodule\..*\.(path|url)$`)
	if err != nil {
		return "", fmt.Errorf(".gitmodules has no address for it: %w", ErrSubmodule)
	}
	address, ok := moduleAddress(out, at)
	if !ok {
		return "", fmt.Errorf(".gitmodules has no address for it: %w", ErrSubmodule)
	}
	if !strings.HasPrefix(address, "./") && !strings.HasPrefix(address, "../") {
		return address, nil
	}
	origin := m.repo.originURL(ctx)
	if origin == "" {
		return "", fmt.Errorf("its address %s is relative to a remote origin, which does not exist: %w", address, ErrSubmodule)
	}
	return relativeURL(origin, address), nil
}

// maxAddress limits the address of a submodule, in bytes: messages repeat it.
const maxAddress = 2048

// moduleAddress is the address of the submodule at a path, in what git config -z lists of a .gitmodules. One that git would take for an
// option is none, nor is one that is too long.
func moduleAddress(listed, at string) (address string, ok bool) {
	addresses, name := map[string]string{}, ""
	for item := range strings.SplitSeq(listed, "\x00") {
		key, value, _ := strings.Cut(item, "\n")
		section, isURL := strings.CutSuffix(key, ".url")
		if isURL {
			addresses[section] = value
		}
		if section, isPath := strings.CutSuffix(key, ".path"); isPath && path.Clean(value) == at {
			name = section
		}
	}
	address = addresses[name]
	if address == "" || strings.HasPrefix(address, "-") || len(address) > maxAddress {
		return "", false
	}
	return address, true
}

// relativeURL resolves an address that starts with ./ or ../ as git does: each ../ removes a part of the base, whatever its form.
func relativeURL(base, address string) string {
	base = strings.TrimRight(base, "/")
	for {
		if rest, ok := strings.CutPrefix(address, "./"); ok {
			address = rest
			continue
		}
		rest, ok := strings.CutPrefix(address, "../")
		if !ok {
			break
		}
		address = rest
		switch cut := strings.LastIndexAny(base, "/:"); {
		case cut < 0:
			base = "."
		case base[cut] == ':': // host:path
			return base[:cut+1] + address
		default:
			base = base[:cut]
		}
	}
	return base + "/" + address
}

// fetchCommit clones what is needed of a commit into dir. The address comes from the content of a commit: as for git's own submodules,
// it may not name a directory of this machine or a program.
func fetchCommit(ctx context.Context, address, commit, dir string, o Options) (*Repo, error) {
	clean, cred, err := splitURL(address)
	if err != nil {
		return nil, err
	}
	o = o.withCredentials(clean, cred)
	if _, err := Init(ctx, dir, "main", false); err != nil {
		return nil, err
	}
	r := &Repo{Dir: dir, opts: o, url: clean}
	if err := r.allowed(ctx); err != nil {
		return nil, err
	}
	fetch := func(args ...string) error {
		c := call{args: append([]string{"fetch", "-q", "--no-write-fetch-head"}, args...), remote: clean, network: true, env: []string{"GIT_PROTOCOL_FROM_USER=0"}}
		_, err := r.run(ctx, c)
		return err
	}
	// Some servers send only commits that a branch or a tag names.
	err = fetch("--depth=1", "--", clean, commit)
	if !errors.Is(err, errEndless) && (err != nil || !r.has(ctx, commit)) {
		err = errors.Join(err, fetch("--", clean, "+refs/heads/*:refs/remotes/origin/*"))
	}
	if r.has(ctx, commit) {
		return r, nil
	}
	return nil, fmt.Errorf("commit %.7s of %s: %w", commit, redact(clean), errors.Join(ErrSubmodule, err))
}

// allowed rejects the address of a directory of this machine as git does from 2.38.1 on: only the user's protocol.file.allow permits it.
func (r *Repo) allowed(ctx context.Context) error {
	if !strings.HasPrefix(r.url, "file:") && !filepath.IsAbs(r.url) {
		return nil
	}
	if setting, err := r.git(ctx, "config", "--get", "protocol.file.allow"); err == nil && strings.TrimSpace(setting) == "always" {
		return nil
	}
	return fmt.Errorf("%s: %w: it is a directory of this machine, which only git's setting protocol.file.allow=always permits", redact(r.url), ErrSubmodule)
}
