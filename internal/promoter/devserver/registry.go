package devserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
)

// Registry returns a complete image registry as an HTTP handler. It stores everything below dir, and is the same after a
// restart. It has no access control: listen on loopback only. The log may be nil.
func Registry(dir string, out *log.Logger) (http.Handler, error) {
	blobs, manifests := filepath.Join(dir, "blobs"), filepath.Join(dir, "manifests")
	for _, d := range []string{blobs, manifests} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("create the registry's directory: %w", err)
		}
	}
	if out == nil {
		out = log.New(io.Discard, "", 0)
	}
	inner := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)), registry.Logger(out), registry.WithReferrersSupport(true))
	s := &store{inner: inner, dir: manifests}
	return s, s.replay()
}

// store writes the manifests to the disk, which the library keeps in memory only.
type store struct {
	inner http.Handler
	dir   string
}

var manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)

type savedManifest struct {
	Path, ContentType string
	Body              []byte
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !manifestPath.MatchString(r.URL.Path) {
		s.inner.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, "the manifest cannot be read", http.StatusBadRequest)
		return
	}
	answer := &response{header: http.Header{}, code: http.StatusOK}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.inner.ServeHTTP(answer, r)
	if answer.code/100 == 2 {
		// Stored before the response: a manifest that was acknowledged survives a crash.
		if err := s.save(savedManifest{r.URL.Path, r.Header.Get("Content-Type"), body}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for k, v := range answer.header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.code)
	_, _ = w.Write(answer.body.Bytes())
}

func (s *store) save(m savedManifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(s.dir, url.QueryEscape(m.Path)+".json"), data, 0o600); err != nil {
		return fmt.Errorf("store a manifest: %w", err)
	}
	return nil
}

// replay puts the stored manifests into the library. Images come before the indexes that refer to them.
func (s *store) replay() error {
	names, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return err
	}
	for _, indexes := range []bool{false, true} {
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return fmt.Errorf("read a stored manifest: %w", err)
			}
			var m savedManifest
			if err := json.Unmarshal(data, &m); err != nil {
				return fmt.Errorf("the registry's file %s is damaged; remove it: %w", name, err)
			}
			if types.MediaType(m.ContentType).IsIndex() != indexes {
				continue
			}
			r, err := http.NewRequest(http.MethodPut, "http://localhost"+m.Path, bytes.NewReader(m.Body))
			if err != nil {
				return fmt.Errorf("the registry's file %s is damaged; remove it: %w", name, err)
			}
			r.Header.Set("Content-Type", m.ContentType)
			s.inner.ServeHTTP(&response{header: http.Header{}}, r)
		}
	}
	return nil
}

// response buffers what the library answers until the manifest is on the disk.
type response struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *response) Header() http.Header         { return a.header }
func (a *response) Write(p []byte) (int, error) { return a.body.Write(p) }
func (a *response) WriteHeader(code int)        { a.code = code }
