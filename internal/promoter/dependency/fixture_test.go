package dependency

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

const user, password = "reader", "opensesame"

// packaged is a chart without templates.
func packaged(t *testing.T, name, version string) *chart.Package {
	t.Helper()
	dir := t.TempDir()
	testtools.PutFiles(t, dir, map[string]string{"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)})
	p, err := chart.Pack(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// repository is a chart repository that requires a login for all of its files.
type repository struct {
	*httptest.Server
	files    map[string][]byte
	requests atomic.Int32
	// leaked counts logins that reached the host of another repository.
	leaked atomic.Int32
	other  *httptest.Server
}

func newRepository(t *testing.T, packages ...*chart.Package) *repository {
	t.Helper()
	r := &repository{files: map[string][]byte{}}
	index := "apiVersion: v1\nentries:\n"
	for _, p := range packages {
		index += fmt.Sprintf("  %s:\n  - name: %s\n    version: %s\n    apiVersion: v2\n    created: \"2026-01-01T00:00:00Z\"\n    digest: %s\n    urls: [%q]\n",
			p.Name, p.Name, p.Version, p.Digest, "files/"+p.Filename())
		r.files["/charts/files/"+p.Filename()] = p.Bytes
	}
	r.files["/charts/index.yaml"] = []byte(index)
	r.other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, _, sent := req.BasicAuth(); sent {
			r.leaked.Add(1)
		}
		_, _ = w.Write(r.files[req.URL.Path])
	}))
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		u, p, _ := req.BasicAuth()
		if u != user || p != password {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.Contains(req.URL.Path, "/moved/") {
			http.Redirect(w, req, r.other.URL+strings.Replace(req.URL.Path, "/moved/", "/", 1), http.StatusFound)
			return
		}
		content, ok := r.files[req.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(func() { r.Close(); r.other.Close() })
	return r
}

// newRegistry is a registry that requires a login, and has these charts below charts/.
func newRegistry(t *testing.T, packages ...*chart.Package) (host string) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	host = strings.TrimPrefix(srv.URL, "http://")
	for _, p := range packages {
		img, err := mutate.AppendLayers(empty.Image, static.NewLayer(p.Bytes, chart.MediaType))
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + "/charts/" + p.Name + ":" + strings.ReplaceAll(p.Version, "+", "_"))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: user, Password: password})); err != nil {
			t.Fatal(err)
		}
	}
	return host
}

// declaring is the directory of a chart with one dependency; locked is a version in Chart.lock, empty without the file.
func declaring(t *testing.T, repository, constraint, locked string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "charts", "app")
	testtools.PutFiles(t, dir, map[string]string{"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: sub, version: %q, repository: %q}\n", constraint, repository)})
	if locked != "" {
		testtools.PutFiles(t, dir, map[string]string{"Chart.lock": fmt.Sprintf("dependencies:\n- {name: sub, version: %q, repository: %q}\n", locked, repository)})
	}
	return dir
}

// top is the directory of the commit of a chart that declaring wrote.
func top(dir string) Source { return Source{Top: filepath.Dir(filepath.Dir(dir))} }
