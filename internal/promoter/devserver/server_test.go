package devserver

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	client "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// start serves until the test ends; stop ends it before.
func start(t *testing.T, o Options) (address string, stop func()) {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	var stopped bool
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the server does not end")
		}
	}
	t.Cleanup(stop)
	return s.Address(), stop
}

func TestServerHasARegistryAndCharts(t *testing.T) {
	charts := t.TempDir()
	if err := write(charts, map[string]string{"index.yaml": "entries"}); err != nil {
		t.Fatal(err)
	}
	address, _ := start(t, Options{RegistryDir: t.TempDir(), Charts: charts})
	for path, want := range map[string]string{"/v2/": "", "/charts/index.yaml": "entries", "/": "index.yaml"} {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %q, want %q", path, resp.StatusCode, body, want)
		}
	}
}

func TestTheRegistryIsTheSameAfterARestart(t *testing.T) {
	dir := t.TempDir()
	index, err := random.Index(100, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	address, stop := start(t, Options{RegistryDir: dir})
	if err := client.WriteIndex(tag(t, address), index); err != nil {
		t.Fatal(err)
	}
	stop()
	address, _ = start(t, Options{RegistryDir: dir})
	got, err := client.Index(tag(t, address))
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := got.Digest(); err != nil || digest != want {
		t.Errorf("the digest is %s (%v), want %s", digest, err, want)
	}
	if err := validate.Index(got); err != nil {
		t.Error(err)
	}
}

func tag(t *testing.T, address string) name.Tag {
	t.Helper()
	ref, err := name.NewTag(address + "/team/image:v1")
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestADamagedManifestStopsTheRegistryWithItsName(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, map[string]string{"manifests/x.json": "{"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Registry(dir, nil); err == nil || !strings.Contains(err.Error(), "x.json") {
		t.Errorf("got %v", err)
	}
}

func TestAManifestThatCannotBeStoredIsNotAcknowledged(t *testing.T) {
	dir := t.TempDir()
	address, _ := start(t, Options{RegistryDir: dir})
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Write(tag(t, address), image); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "manifests")); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/v2/team/image/manifests/v2", bytes.NewReader(manifest))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestListenRejectsWhatItCannotServe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	address, _ := start(t, Options{RegistryDir: t.TempDir()})
	for name, o := range map[string]Options{
		"an address of the network": {Listen: "0.0.0.0:0", RegistryDir: t.TempDir()},
		"a name":                    {Listen: "localhost:0", RegistryDir: t.TempDir()},
		"no port":                   {Listen: "127.0.0.1", RegistryDir: t.TempDir()},
		"an address in use":         {Listen: address, RegistryDir: t.TempDir()},
		"a file as the registry":    {Listen: "127.0.0.1:0", RegistryDir: file},
	} {
		if s, err := Listen(o); err == nil || failure.Of(err) != failure.BadInput {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				s.Close()
			}
		}
	}
}
