// Package publish puts packages into chart repositories: a git repository, a
// directory or an OCI registry, all behind one interface.
package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// Target is a chart repository. Every method may be called by many processes
// at the same time, and again after a crash. All of them may fail with
// ErrUnusable, ErrAuth, index.ErrCorrupt or, git targets only, the errors of gitrepo.
type Target interface {
	// Lookup returns the digest of a published version, 64 hex digits.
	Lookup(ctx context.Context, name, version string) (digest string, found bool, err error)
	// Latest returns the highest released version and its package. Errors:
	// ErrNone, ErrArchiveMissing.
	Latest(ctx context.Context, name string) (version string, pkg []byte, err error)
	// Package returns the package of a published version. Errors: ErrNone, ErrArchiveMissing.
	Package(ctx context.Context, name, version string) ([]byte, error)
	// Publish adds a package with its attestations. A version that exists with the
	// same digest is success; with another digest it is an *index.DigestConflictError.
	Publish(ctx context.Context, item Item) (Result, error)
	// Attestations returns the envelopes of a version, oldest first where the
	// target has an order; none for a version that does not exist.
	Attestations(ctx context.Context, name, version string) ([][]byte, error)
	// AttestationsOf returns the attestations of several versions of charts, by chart and version.
	AttestationsOf(ctx context.Context, versions map[string][]string) (map[string]map[string][][]byte, error)
	// AddAttestation adds an envelope to a published version. Error: ErrNone.
	AddAttestation(ctx context.Context, name, version string, envelope []byte) (Result, error)
	// Yank removes a version from the index. Git and directory targets keep its
	// archive, so that no other content can be published as this version; only the archive of an
	// interrupted run, which no index ever named, is replaced. Error: ErrNone.
	Yank(ctx context.Context, name, version string) (Result, error)
	// KeepPage writes a page beside the index of a git or directory target. A page that
	// was written or changed by others stays as it is. render is called without any lock, and
	// again when another publisher was faster, at most five times: the page is then left to that
	// publisher. Error: ErrConfig for a registry.
	KeepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error)
	// List returns every published version of these charts, of all without names;
	// a registry lists all charts only if it has a catalogue.
	List(ctx context.Context, names ...string) ([]index.Entry, error)
	// Newest returns the first versions of List, at most limit of each chart when positive, without the cost of the others.
	Newest(ctx context.Context, limit int, names ...string) ([]index.Entry, error)
}

// Item is what is published.
type Item struct {
	Package *chart.Package
	// Provenance is the text of the .prov file, nil for none. An existing .prov file
	// is kept.
	Provenance []byte
	// Attestations are DSSE envelopes, nil for none.
	Attestations [][]byte
	// Files are other files of the build, which are published with the package; nil for none.
	Files []image.File
	// Sign returns envelopes about the manifest of an OCI target, whose digest is 64 hex digits; nil signs none. The same digest must
	// give the same envelopes.
	Sign func(manifest string) ([][]byte, error)
	// Created is the time of publication, stored when the version is new; default now.
	Created time.Time
	// Message is the commit message of a git target, "" for a plain one.
	Message string
	// DryRun does everything except writing: Publish fails where it would fail, and returns the result that it would have.
	DryRun bool
}

func (i Item) created() time.Time {
	if i.Created.IsZero() {
		return time.Now().UTC()
	}
	return i.Created.UTC()
}

// check compares the content with its digest before it is published.
func (i Item) check() error {
	if chart.Digest(i.Package.Bytes) != i.Package.Digest {
		return fmt.Errorf("%s %s: %w", i.Package.Name, i.Package.Version, ErrChanged)
	}
	for _, f := range i.Files {
		if chart.Digest(f.Content) != f.Digest {
			return fmt.Errorf("the file %s of %s %s: %w", f.Name, i.Package.Name, i.Package.Version, ErrChanged)
		}
	}
	for _, r := range i.Attestations {
		if !json.Valid(r) {
			return fmt.Errorf("an attestation of %s %s is not JSON: %w", i.Package.Name, i.Package.Version, ErrChanged)
		}
	}
	return nil
}

// Result is the outcome of a change.
type Result struct {
	// Changed is false when the target already had everything.
	Changed bool `json:"changed"`
	// Location is the address of the package in the index or registry.
	Location string `json:"location"`
	// Commit is the head of the branch after the change, git targets only.
	Commit string `json:"commit,omitempty"`
	// NewBranch is the branch that did not exist before, git targets only.
	NewBranch string `json:"newBranch,omitempty"`
	// Proposal is the branch of the change where changes go through pull requests; nil where they are pushed.
	Proposal *gitrepo.Proposal `json:"-"`
	// PageKept is true when the page was written or changed by others, and therefore left as it is.
	PageKept bool `json:"pageKept,omitempty"`
}

// Config names a target; exactly one of Git, Directory and OCI is set.
type Config struct {
	// Git is the address of a git repository. Branch is its branch, default the
	// remote's default branch; of an empty repository main. A branch that does not exist is
	// created without any history. Path is a folder of it, default its root.
	Git, Branch, Path string
	// Directory is a path. It is created if it does not exist.
	Directory string
	// OCI is registry/path, with or without oci://; charts are below it.
	OCI string
	// URL is where git and directory targets are served; packages are then
	// addressed absolutely. Default: relative to the index.
	URL string
	// Head, for git targets, names the branch to which the change of a commit message is pushed for a pull request; nil for pushes
	// to Branch.
	Head func(message string) string
	// Page, for git and directory targets, is the landing page that is kept beside the
	// index; nil for none. A page that others wrote or changed stays as it is.
	Page *Page
}

// Page is a file that is derived from an index and published in the same commit.
type Page struct {
	// Name of the file.
	Name string
	// Render returns its content, sealed by package seal.
	Render func(index []byte) ([]byte, error)
}

var (
	// ErrNone: the version is not published.
	ErrNone = failure.New(failure.BadInput, "no such published version")
	// ErrArchiveMissing: the index names a package that is missing
	// or has another digest.
	ErrArchiveMissing = failure.New(failure.External, "the index names a package that is missing or damaged: publish that version again, or yank it")
	// ErrChanged: what is to be published does not match its digest.
	ErrChanged = failure.New(failure.Rejected, "the package or its attestation was changed after it was created")
	// ErrConfig: Config does not name exactly one target.
	ErrConfig = failure.New(failure.BadInput, "a target requires exactly one of git, directory and oci, and a path only within the branch of git")
	// ErrUnusable: the directory or registry is unreachable, full
	// or read-only.
	ErrUnusable = failure.New(failure.External, "the chart repository cannot be used")
	// ErrAuth: the registry requires other credentials.
	ErrAuth = failure.New(failure.External, "the registry rejects these credentials: set "+ci.RegistryUser+" and "+ci.RegistryPassword+", or log in with docker or helm")
)

type options struct {
	insecure  bool
	transport http.RoundTripper
	env       func(string) string
	pushes    []string
	git       gitrepo.Options
	author    gitrepo.Author
}

// Option changes how a target is opened.
type Option func(*options)

// Insecure allows an OCI target to use plain HTTP with a remote host.
func Insecure() Option { return func(o *options) { o.insecure = true } }

// Transport is the HTTP transport of an OCI target; default image.DefaultTransport.
func Transport(t http.RoundTripper) Option { return func(o *options) { o.transport = t } }

// Env is where the credentials of a registry are read from; default os.Getenv.
func Env(env func(string) string) Option { return func(o *options) { o.env = env } }

// Pushes are all repositories that the configuration pushes to, which define what the credentials in the environment are for.
func Pushes(repositories []string) Option { return func(o *options) { o.pushes = repositories } }

// Git sets how a git target connects to its remote; default the zero Options.
func Git(g gitrepo.Options) Option { return func(o *options) { o.git = g } }

// Author is the author of commits to a git target; default as in package gitrepo.
func Author(a gitrepo.Author) Option { return func(o *options) { o.author = a } }

// Open returns the target that cfg names. It does not connect yet. Error: ErrConfig.
func Open(cfg Config, opts ...Option) (Target, error) {
	o := options{env: os.Getenv, transport: image.DefaultTransport}
	for _, opt := range opts {
		opt(&o)
	}
	set := 0
	for _, s := range []string{cfg.Git, cfg.Directory, cfg.OCI} {
		if s != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, fmt.Errorf("%d targets are set: %w", set, ErrConfig)
	case cfg.Path != "" && cfg.Git == "" || !isFolder(cfg.Path):
		return nil, fmt.Errorf("path %q: %w", cfg.Path, ErrConfig)
	case cfg.Git != "":
		return &gitTarget{url: cfg.Git, branch: cfg.Branch, path: path.Clean(cfg.Path), served: cfg.URL, page: cfg.Page, head: cfg.Head, opts: o}, nil
	case cfg.Directory != "":
		return &directory{folder{dir: cfg.Directory, url: cfg.URL, page: cfg.Page, journal: true}}, nil
	}
	return openOCI(cfg.OCI, o)
}

// isFolder reports whether a path, "" for the root, is within a work tree.
func isFolder(path string) bool {
	return path == "" || filepath.IsLocal(path) && !strings.ContainsFunc(path, unicode.IsControl) &&
		!slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return strings.EqualFold(part, ".git") })
}
