package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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
		"cmd/hi/tag.go":  "//go:build other\n\npackage main\n\nfunc init() { println(\"other\") }\n",
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
	// As `go env -w` writes it.
	settings := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(settings, []byte("GOFLAGS=-tags=other\nGOEXPERIMENT=nogreenteagc\nGOWASM=satconv\nGOARM64=v9.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", settings)
	second := digest(t, build(t, spec(program(t, "hello"))))
	if first != second {
		t.Errorf("digests %s and %s differ", first, second)
	}
	if other := digest(t, build(t, spec(program(t, "other")))); other == first {
		t.Error("another source has the same digest")
	}
}

func TestTheImageHasTheProgramsForEachPlatformAndAnUnprivilegedUser(t *testing.T) {
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
		if c.Architecture != d.Platform.Architecture || c.Config.User != "65532:65532" || !strings.HasPrefix(c.Config.Labels[ToolchainLabel], "go1.") || !slices.Equal(c.Config.Entrypoint, []string{"/hi"}) || !c.Created.Time.Equal(commitTime) {
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
		"a compile error":             {func(s *Spec) { s.SourceDir = broken }, ErrCompile, "undefined"},
		"a package that is missing":   {func(s *Spec) { s.Package = "./cmd/nowhere" }, ErrCompile, "nowhere"},
		"no package":                  {func(s *Spec) { s.Package = "" }, ErrSpec, "package"},
		"a platform that is no word":  {func(s *Spec) { s.Platforms = []string{"linux"} }, ErrSpec, "linux/amd64"},
		"a platform Go does not know": {func(s *Spec) { s.Platforms = []string{"linux/vax"} }, ErrCompile, "vax"},
		"a package above the source":  {func(s *Spec) { s.Package = ".." }, ErrSpec, "name"},
		"no program at the top":       {func(s *Spec) { s.Package = "." }, ErrCompile, "no Go files"},
		"two programs of one name":    {func(s *Spec) { s.Programs = []string{"./cmd/lo", "./other/hi"} }, ErrSpec, "two packages"},
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

func TestTheProgramAtTheTopHasTheNameOfItsModule(t *testing.T) {
	for mod, want := range map[string]string{
		"module example.com/hello\n": "hello", "// a program\nmodule example.com/hello/v2 // of majors\n": "hello", "module \"example.com/x/hello\"\r\n": "hello", "module hello\n": "hello",
		"module example.com/hello/verify\n": "verify", "go 1.24\n": "", "": "",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/go.mod", []byte(mod), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, pkg := range []string{".", "./"} {
			if got, err := programName(dir, pkg); got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrSpec) {
				t.Errorf("%q in %q: %q, %v; want %q", pkg, mod, got, err, want)
			}
		}
	}
	s := spec(program(t, "hello"))
	s.Package, s.Programs, s.Platforms = ".", nil, []string{"linux/amd64"}
	if err := os.WriteFile(s.SourceDir+"/main.go", []byte("package main\n\nfunc main() { println(\"top\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	idx := build(t, s)
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := idx.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := img.ConfigFile(); err != nil || !slices.Equal(c.Config.Entrypoint, []string{"/hello"}) {
		t.Errorf("%+v, %v", c, err)
	}
}
