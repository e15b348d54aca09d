// Package publish puts packages into chart repositories: a git repository, a
// directory or an OCI registry, all behind one small interface.
package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// Target is a chart repository. Every method may be called by many processes
// at the same time, and again after a crash. All of them may fail with
// ErrUnusable, ErrAuth or, git targets, the errors of gitrepo; index.ErrCorrupt.
type Target interface {
	// Lookup gives the digest of a published version, 64 hex digits.
	Lookup(ctx context.Context, name, version string) (digest string, found bool, err error)
	// Latest gives the highest released version and its package. Errors:
	// ErrNone, ErrArchiveMissing.
	Latest(ctx context.Context, name string) (version string, pkg []byte, err error)
	// Package gives the package of a published version. Errors: ErrNone, ErrArchiveMissing.
	Package(ctx context.Context, name, version string) ([]byte, error)
	// Publish adds a package with its records. A version that is there with the
	// same digest is success; with another it is an *index.DigestConflictError.
	Publish(ctx context.Context, item Item) (Result, error)
	// Records gives the envelopes kept for a version, oldest first where the
	// target has an order. A version that is not there has none.
	Records(ctx context.Context, name, version string) ([][]byte, error)
	// RecordsOf is Records of several versions at once, by version.
	RecordsOf(ctx context.Context, name string, versions ...string) (map[string][][]byte, error)
	// AddRecord keeps one more envelope for a published version. Error: ErrNone.
	AddRecord(ctx context.Context, name, version string, envelope []byte) (Result, error)
	// Yank takes a version out of the index. Git and directory targets keep its
	// archive, so that the version is never given to another content. Error: ErrNone.
	Yank(ctx context.Context, name, version string) (Result, error)
	// KeepPage writes a page beside the index of a git or directory target; one that
	// somebody else wrote or changed stays. It renders again when somebody else has
	// published meanwhile. Error: ErrConfig for a registry.
	KeepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error)
	// List gives every published version of these charts, of all without names;
	// a registry lists all charts only if it has a catalogue.
	List(ctx context.Context, names ...string) ([]index.Entry, error)
}

// Item is what is published.
type Item struct {
	Package *chart.Package
	// Provenance is the text of the .prov file, nil for none. One that is there
	// already is kept.
	Provenance []byte
	// Records are DSSE envelopes, nil for none.
	Records [][]byte
	// Created is the time of publication, noted when the version is new; default now.
	Created time.Time
	// Message is the commit message of a git target, "" for a plain one.
	Message string
	// DryRun does all but the writing: Publish then fails where it would, and Changed and Location are what they would be.
	DryRun bool
}

func (i Item) created() time.Time {
	if i.Created.IsZero() {
		return time.Now().UTC()
	}
	return i.Created.UTC()
}

// check is the last look at the bytes before others can have them.
func (i Item) check() error {
	if chart.Digest(i.Package.Bytes) != i.Package.Digest {
		return fmt.Errorf("%s %s: %w", i.Package.Name, i.Package.Version, ErrChanged)
	}
	for _, r := range i.Records {
		if !json.Valid(r) {
			return fmt.Errorf("a record of %s %s is no JSON: %w", i.Package.Name, i.Package.Version, ErrChanged)
		}
	}
	return nil
}

// Result says what a change came to.
type Result struct {
	// Changed is false when everything was there already.
	Changed bool `json:"changed"`
	// Location is the package's address as the index or registry has it.
	Location string `json:"location"`
	// Commit is the hash of the branch's head after it, git targets only.
	Commit string `json:"commit,omitempty"`
	// PageKept is true when somebody else's page is there, which is left as it is.
	PageKept bool `json:"pageKept,omitempty"`
}

// Config names a target; exactly one of Git, Directory and OCI is set.
type Config struct {
	// Git is the address of a git repository. Branch is its branch, default the
	// remote's default branch; of an empty repository main.
	Git, Branch string
	// Directory is a path. It is made if it is not there.
	Directory string
	// OCI is registry/path, with or without oci://; charts are below it.
	OCI string
	// URL is where git and directory targets are served; packages are then
	// addressed absolutely. Default: relative to the index.
	URL string
	// Page, for git and directory targets, is the landing page that is kept beside the
	// index; nil for none. A page that somebody else wrote or changed stays.
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
	// ErrNone says that there is no such published version.
	ErrNone = failure.New(failure.BadInput, "no such published version")
	// ErrArchiveMissing says that the index names a package that is not there
	// or has another digest.
	ErrArchiveMissing = failure.New(failure.External, "the index names a package that is gone or damaged: publish that version again, or yank it")
	// ErrChanged says that what is to be published is not what its digest says.
	ErrChanged = failure.New(failure.Rejected, "the package or its record was changed after it was made")
	// ErrConfig says that Config does not name one target.
	ErrConfig = failure.New(failure.BadInput, "a target needs exactly one of git, directory and oci")
	// ErrUnusable says that the directory or registry does not do its work: not
	// to be reached, full, read only.
	ErrUnusable = failure.New(failure.External, "the chart repository cannot be used")
	// ErrAuth says that the registry wants other credentials.
	ErrAuth = failure.New(failure.External, "the registry refuses these credentials: set CHART_PROMOTER_REGISTRY_USER and CHART_PROMOTER_REGISTRY_PASSWORD, or log in with docker or helm")
)

type options struct {
	insecure  bool
	transport http.RoundTripper
	env       func(string) string
	git       gitrepo.Options
	author    gitrepo.Author
}

// Option changes how a target is opened.
type Option func(*options)

// Insecure lets an OCI target speak plain HTTP to a host that is not this one.
func Insecure() Option { return func(o *options) { o.insecure = true } }

// Transport is how an OCI target reaches its registry; default image.DefaultTransport.
func Transport(t http.RoundTripper) Option { return func(o *options) { o.transport = t } }

// Env is where a registry's credentials are read; default os.Getenv.
func Env(env func(string) string) Option { return func(o *options) { o.env = env } }

// Git is how a git target speaks to its remote; default the zero Options.
func Git(g gitrepo.Options) Option { return func(o *options) { o.git = g } }

// Author is who commits to a git target; default as gitrepo has it.
func Author(a gitrepo.Author) Option { return func(o *options) { o.author = a } }

// Open gives the target that cfg names; it does not reach out yet. Error: ErrConfig.
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
		return nil, fmt.Errorf("%d are set: %w", set, ErrConfig)
	case cfg.Git != "":
		return &gitTarget{url: cfg.Git, branch: cfg.Branch, served: cfg.URL, page: cfg.Page, opts: o}, nil
	case cfg.Directory != "":
		return &directory{folder{dir: cfg.Directory, url: cfg.URL, page: cfg.Page}}, nil
	}
	return openOCI(cfg.OCI, o)
}
