package place

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

func parse(t *testing.T, text string) Place {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAFileIsForItsOwnerOnly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "net.snapshot")
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil { //nolint:gosec // it must become private
		t.Fatal(err)
	}
	p := parse(t, name)
	where, err := p.Store(t.Context(), []byte("content"))
	if err != nil || where != name {
		t.Fatalf("it is at %s (%v)", where, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	if data, err := p.Load(t.Context(), 7); err != nil || string(data) != "content" {
		t.Errorf("it has %q (%v)", data, err)
	}
	if _, err := p.Load(t.Context(), 6); err == nil || !strings.Contains(err.Error(), "has more than") {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := parse(t, name+"x").Load(t.Context(), 6); err == nil || !strings.Contains(err.Error(), "does not exist: kubectl btcnet snapshot save") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestNamesThatAreNoPlaceAreInvalid(t *testing.T) {
	for _, text := range []string{"", "dir/", "https://example.com/x", "oci://", "oci://host", "oci://host/repo", "oci://host/Repo:x", "oci://host/repo@sha256:12", "oci://host/repo:a b"} {
		_, err := Parse(text)
		if _, ok := errors.AsType[*invalid.Error](err); !ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// protected is a registry for one user.
func protected(t *testing.T) (host string) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "bob" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestARegistryIsAPlaceForThoseWhoHaveItsCredentials(t *testing.T) {
	host := protected(t)
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	p := parse(t, "oci://"+host+"/chains/test:one")
	data := bytes.Repeat([]byte("snapshot"), 1000)
	if _, err := p.Store(t.Context(), data); err == nil || !strings.Contains(err.Error(), "oci://"+host+"/chains/test:one cannot be written") {
		t.Errorf("without credentials: %v", err)
	}
	login := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("bob:secret")))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(login), 0o600); err != nil {
		t.Fatal(err)
	}
	where, err := p.Store(t.Context(), data)
	if err != nil || !strings.HasPrefix(where, "oci://"+host+"/chains/test@sha256:") {
		t.Fatalf("it is at %s (%v)", where, err)
	}
	if _, err := p.Store(t.Context(), data); err != nil {
		t.Errorf("once more: %v", err)
	}
	_, digest, _ := strings.Cut(where, "@")
	for _, from := range []string{"oci://" + host + "/chains/test:one", where, "oci://" + host + "/chains/test:whatever@" + digest} {
		if got, err := parse(t, from).Load(t.Context(), int64(len(data))); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s has %d bytes (%v)", from, len(got), err)
		}
	}
	if _, err := p.Load(t.Context(), int64(len(data))-1); err == nil || !strings.Contains(err.Error(), "a snapshot at most") {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := parse(t, "oci://"+host+"/chains/test:two").Load(t.Context(), 1<<20); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a missing tag: %v", err)
	}
	other := strings.Replace(where, digest, "sha256:"+strings.Repeat("0", 64), 1)
	if _, err := parse(t, other).Load(t.Context(), 1<<20); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("another digest: %v", err)
	}
}

// asked is a registry that requires a user, with the values of Authorization that it gets.
func asked(t *testing.T) (host string, got func() []string) {
	t.Helper()
	var mu sync.Mutex
	var values []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		values = append(values, r.Header.Get("Authorization"))
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(values)
	}
}

func TestARegistryGetsNoCredentialOfAnother(t *testing.T) {
	own, got := asked(t)
	other, others := asked(t)
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	login := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, own, base64.StdEncoding.EncodeToString([]byte("bob:secret")))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(login), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{own, other} {
		p := parse(t, "oci://"+host+"/chains/test:one")
		if _, err := p.Load(t.Context(), 1<<20); err == nil {
			t.Errorf("it was read from %s", host)
		}
		if _, err := p.Store(t.Context(), []byte("snapshot")); err == nil {
			t.Errorf("it was written to %s", host)
		}
	}
	if values := got(); !slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, "Basic ") }) {
		t.Errorf("the registry of the credential got %q", values)
	}
	if values := others(); len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
		t.Errorf("the other registry got %q", values)
	}
}
