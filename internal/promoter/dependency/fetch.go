package dependency

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// The limits of what a repository may send, in bytes. Indexes of large repositories have tens of megabytes.
const (
	maxIndex   = 256 << 20
	maxPackage = 100 << 20
)

// fromIndex downloads a version from a chart repository with an index.
func (r *run) fromIndex(ctx context.Context, repo Repository, name, version string) ([]byte, error) {
	content, ok := r.indexes[repo.URL]
	if !ok {
		var err error
		if content, err = r.get(ctx, repo, repo.URL+"/index.yaml", maxIndex); err != nil {
			return nil, err
		}
		r.indexes[repo.URL] = content
	}
	entry, err := lookup(content, name, version)
	if err != nil {
		return nil, fmt.Errorf("the index of %s: %w", repo.URL, err)
	}
	if entry == nil || len(entry.URLs) == 0 {
		return nil, fmt.Errorf("%s has no %s %s: %w", repo.URL, name, version, ErrNoVersion)
	}
	base, err := url.Parse(repo.URL + "/")
	if err != nil {
		return nil, fmt.Errorf("%q is not an address: %w", repo.URL, chart.ErrNoChart)
	}
	at, err := base.Parse(entry.URLs[0])
	if err != nil {
		return nil, fmt.Errorf("the index of %s has the address %q: %w", repo.URL, entry.URLs[0], ErrRepository)
	}
	if at.Scheme == "oci" {
		return r.artifact(ctx, repo, strings.TrimPrefix(at.String(), "oci://"), name, version)
	}
	data, err := r.get(ctx, repo, at.String(), maxPackage)
	if err != nil {
		return nil, err
	}
	if want := strings.TrimPrefix(entry.Digest, "sha256:"); want != "" && want != chart.Digest(data) {
		return nil, fmt.Errorf("%s has digest %.12s, but the index names %.12s: %w", at.Redacted(), chart.Digest(data), want, ErrRepository)
	}
	return data, nil
}

// lookup finds a version in an index, written with or without a v.
func lookup(content []byte, name, version string) (*index.Entry, error) {
	plain := strings.TrimPrefix(version, "v")
	for _, v := range []string{version, plain, "v" + plain} {
		entry, found, err := index.Lookup(content, name, v)
		if err != nil || found {
			return entry, err
		}
	}
	return nil, nil
}

// get is an HTTP GET. The login goes to the repository's own host only, also after a redirect.
func (r *run) get(ctx context.Context, repo Repository, address string, limit int64) ([]byte, error) {
	own, err := url.Parse(repo.URL)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address: %w", repo.URL, chart.ErrNoChart)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRepository, err)
	}
	transport := r.Transport
	if transport == nil {
		transport = image.DefaultTransport
	}
	client := http.Client{Transport: login{transport, own, repo}}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: check its address and the network: %w", ErrRepository, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%s returned status %d: set user and password of the repository in dependencies.repositories: %w", req.URL.Redacted(), res.StatusCode, ErrRepository)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s returned status %d: %w", req.URL.Redacted(), res.StatusCode, ErrRepository)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %w", req.URL.Redacted(), ErrRepository, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes: %w", req.URL.Redacted(), limit, ErrRepository)
	}
	return data, nil
}

// login adds a repository's credentials to requests to its host.
type login struct {
	inner http.RoundTripper
	own   *url.URL
	repo  Repository
}

func (l login) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", "chart-promoter")
	if l.repo.Password != "" && req.URL.Scheme == l.own.Scheme && req.URL.Host == l.own.Host {
		req.SetBasicAuth(l.repo.User, string(l.repo.Password))
	}
	return l.inner.RoundTrip(req)
}

// fromRegistry downloads a version from an OCI registry.
func (r *run) fromRegistry(ctx context.Context, repo Repository, name, version string) ([]byte, error) {
	return r.artifact(ctx, repo, strings.TrimPrefix(repo.URL, "oci://")+"/"+name+":"+strings.ReplaceAll(version, "+", "_"), name, version)
}

func (r *run) artifact(ctx context.Context, repo Repository, ref, name, version string) ([]byte, error) {
	access := r.Access
	if repo.Password != "" {
		host, _, _ := strings.Cut(strings.TrimPrefix(repo.URL, "oci://"), "/")
		vars := map[string]string{ci.RegistryUser: repo.User, ci.RegistryPassword: string(repo.Password), ci.RegistryHost: host}
		access.Env = func(name string) string { return vars[name] }
	}
	data, err := access.Layer(ctx, ref, chart.MediaType, maxPackage)
	if errors.Is(err, image.ErrNoImage) {
		return nil, fmt.Errorf("%s has no %s %s: %w", repo.URL, name, version, ErrNoVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRepository, err)
	}
	return data, nil
}
