package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
)

var commitTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("x", 3600))

// program is a checkout of a small program, each time in a directory of another name.
func program(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", len(text)%3), "src")
	files := map[string]string{
		"go.mod":         "module example.com/hello\n\ngo 1.24\n",
		"cmd/hi/main.go": "package main\n\nimport _ \"embed\"\n\n//go:embed text\nvar text string\n\nfunc main() { println(text) }\n",
		"cmd/hi/text":    text,
		"cmd/lo/main.go": "package main\n\nfunc main() { println(\"lo\") }\n",
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func spec(dir string) Spec {
	return Spec{
		SourceDir: dir, Package: "./cmd/hi", Programs: []string{"./cmd/lo"}, Platforms: []string{"linux/amd64", "linux/arm64"}, SourceDate: commitTime,
		Labels: map[string]string{"org.opencontainers.image.revision": "abc"}, Files: map[string][]byte{"/etc/ssl/certs/ca.pem": []byte("cert")},
	}
}

func build(t *testing.T, s Spec) v1.ImageIndex {
	t.Helper()
	idx, err := Build(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return idx
}

func digest(t *testing.T, idx v1.ImageIndex) string {
	t.Helper()
	h, err := idx.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func TestTheSameCommitInTwoDirectoriesGivesOneDigest(t *testing.T) {
	first := digest(t, build(t, spec(program(t, "hello"))))
	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("GOAMD64", "v3")
	second := digest(t, build(t, spec(program(t, "hello"))))
	if first != second {
		t.Errorf("digests %s and %s differ", first, second)
	}
	if other := digest(t, build(t, spec(program(t, "other")))); other == first {
		t.Error("another source has the same digest")
	}
}

func TestTheImageHoldsTheProgramForEachPlatformAndRunsItAsNobody(t *testing.T) {
	idx := build(t, spec(program(t, "hello")))
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, d := range m.Manifests {
		platforms = append(platforms, d.Platform.String())
		img, err := idx.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		c, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if c.Architecture != d.Platform.Architecture || c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/hi"}) || !c.Created.Time.Equal(commitTime) {
			t.Errorf("%s: configuration %+v", d.Platform, c)
		}
		layers, _ := img.Layers()
		content, err := layers[0].Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := listing(t, content), "etc/ 755, etc/ssl/ 755, etc/ssl/certs/ 755, etc/ssl/certs/ca.pem 444, hi 555, lo 555"; got != want {
			t.Errorf("the layer holds %s, want %s", got, want)
		}
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) {
		t.Errorf("platforms %v, want %v", platforms, want)
	}
}

func listing(t *testing.T, r io.Reader) string {
	t.Helper()
	var list []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return strings.Join(list, ", ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(commitTime) {
			t.Errorf("%s has the time %s, want that of the commit", h.Name, h.ModTime)
		}
		list = append(list, fmt.Sprintf("%s %o", h.Name, h.Mode))
	}
}

func TestBuildReportsWhyItFails(t *testing.T) {
	broken := program(t, "hello")
	if err := os.WriteFile(broken+"/cmd/hi/main.go", []byte("package main\nfunc main() { undefined() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Spec)
		want   error
		word   string
	}{
		"a compile error":              {func(s *Spec) { s.SourceDir = broken }, ErrCompile, "undefined"},
		"a package that is missing":    {func(s *Spec) { s.Package = "./cmd/nowhere" }, ErrCompile, "nowhere"},
		"no package":                   {func(s *Spec) { s.Package = "" }, ErrSpec, "package"},
		"a platform that is no word":   {func(s *Spec) { s.Platforms = []string{"linux"} }, ErrSpec, "linux/amd64"},
		"a platform Go does not know":  {func(s *Spec) { s.Platforms = []string{"linux/vax"} }, ErrCompile, "vax"},
		"a package that is no program": {func(s *Spec) { s.Package = "." }, ErrSpec, "name"},
		"two programs of one name":     {func(s *Spec) { s.Programs = []string{"./cmd/lo", "./other/hi"} }, ErrSpec, "two packages"},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec(program(t, "hello"))
			c.change(&s)
			_, err := Build(t.Context(), s)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.word)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, spec(program(t, "hello"))); !errors.Is(err, context.Canceled) {
		t.Errorf("a build that is cancelled: %v", err)
	}
}

// serve starts a registry kept in dir and gives its address.
func serve(t *testing.T, dir string) string {
	t.Helper()
	h, err := devserver.Registry(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func TestPushIsDoneOnceAndReleasesAreNeverReplaced(t *testing.T) {
	ctx, a, ref := t.Context(), Access{}, serve(t, t.TempDir())+"/team/hi:v1.0.0"
	first, other := build(t, spec(program(t, "hello"))), build(t, spec(program(t, "other")))
	if _, err := a.Digest(ctx, ref); !errors.Is(err, ErrNoImage) {
		t.Errorf("before the push: %v, want ErrNoImage", err)
	}
	got, pushed, err := a.Push(ctx, first, ref, true)
	if err != nil || !pushed || got != digest(t, first) {
		t.Fatalf("first push: %s %v %v", got, pushed, err)
	}
	r, err := a.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := remote.Index(r); err != nil || validate.Index(there) != nil {
		t.Errorf("what was pushed is not a whole image: %v %v", err, validate.Index(there))
	}
	if _, pushed, err = a.Push(ctx, first, ref, true); err != nil || pushed {
		t.Errorf("the same again: pushed %v, %v; want nothing to do", pushed, err)
	}
	if _, _, err = a.Push(ctx, other, ref, true); !errors.Is(err, ErrTagTaken) {
		t.Errorf("another image under a release's tag: %v, want ErrTagTaken", err)
	}
	if there, err := a.Digest(ctx, ref); err != nil || there != digest(t, first) {
		t.Errorf("the tag names %s, %v; want the first image", there, err)
	}
	if _, pushed, err = a.Push(ctx, other, ref, false); err != nil || !pushed {
		t.Errorf("replacing a development tag: %v %v", pushed, err)
	}
	if tags, err := a.Tags(ctx, strings.TrimSuffix(ref, ":v1.0.0")); err != nil || !slices.Equal(tags, []string{"v1.0.0"}) {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestAnArchiveKeepsTheDigestAndHoldsOnePlatform(t *testing.T) {
	host := serve(t, t.TempDir())
	idx := build(t, spec(program(t, "hello")))
	if _, _, err := (Access{}).Push(t.Context(), idx, host+"/hi:v1", true); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ ref, tagged string }{
		"by tag":            {host + "/hi:v1", host + "/hi:v1"},
		"by digest":         {host + "/hi@" + digest(t, idx), host + "/hi:by-digest"},
		"by tag and digest": {host + "/hi:v1@" + digest(t, idx), host + "/hi:v1"},
	} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			got, err := Access{}.Archive(t.Context(), c.ref, "linux/arm64", &buf)
			if err != nil {
				t.Fatal(err)
			}
			want := Pulled{Tagged: c.tagged, ByDigest: host + "/hi@" + digest(t, idx), Digest: digest(t, idx)}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			files := contents(t, &buf)
			var index v1.IndexManifest
			if err := json.Unmarshal(files["index.json"], &index); err != nil {
				t.Fatal(err)
			}
			top := index.Manifests[0]
			if top.Digest.String() != digest(t, idx) || top.Annotations["io.containerd.image.name"] != got.ByDigest {
				t.Errorf("the archive leads to %+v", top)
			}
			for path, content := range files {
				if hex, ok := strings.CutPrefix(path, "blobs/sha256/"); ok {
					if h, _, _ := v1.SHA256(bytes.NewReader(content)); h.Hex != hex {
						t.Errorf("%s holds other bytes", path)
					}
				}
			}
			// oci-layout, index.json, the index, one manifest, its configuration and its layer.
			if len(files) != 6 {
				t.Errorf("the archive holds %d files, want 6", len(files))
			}
		})
	}
}

func contents(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARegistryThatCannotBeUsedIsNamedByItsFault(t *testing.T) {
	host := serve(t, t.TempDir())
	for name, c := range map[string]struct {
		ref  string
		want error
	}{
		"nobody listens there":   {"127.0.0.1:1/hi:1", ErrRegistry},
		"no such image":          {host + "/nothing:1", ErrNoImage},
		"not a reference at all": {"UPPER CASE", ErrSpec},
	} {
		if _, err := (Access{}).Digest(t.Context(), c.ref); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestARegistrysPasswordIsNotInMessages(t *testing.T) {
	var seen string
	srv := httptest.NewServer(basicAuth("me", "pa55-word", &seen))
	host := strings.TrimPrefix(srv.URL, "http://")
	with := func(password string) Access {
		return Access{Env: func(k string) string {
			return map[string]string{"CHART_PROMOTER_REGISTRY_USER": "me", "CHART_PROMOTER_REGISTRY_PASSWORD": password}[k]
		}}
	}
	if _, err := with("pa55-word").Tags(t.Context(), host+"/hi"); err != nil {
		t.Errorf("with the right password: %v", err)
	}
	if err := with("pa55-word").CheckPush(t.Context(), host+"/hi"); err != nil {
		t.Errorf("a push with the right password: %v", err)
	}
	if err := with("wr0ng-word").CheckPush(t.Context(), host+"/hi"); !errors.Is(err, ErrRegistryAuth) {
		t.Errorf("a push with another password: %v, want ErrRegistryAuth", err)
	}
	_, err := with("wr0ng-word").Tags(t.Context(), host+"/hi")
	srv.Close() // waits for what still writes into seen
	if !errors.Is(err, ErrRegistryAuth) || strings.Contains(err.Error(), "wr0ng-word") || strings.Contains(seen, "pa55-word") {
		t.Errorf("with another password: %v; requested %s", err, seen)
	}
}
