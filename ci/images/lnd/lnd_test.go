package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// compiled is the module with programs in its cache, so that nothing is compiled.
func compiled(t *testing.T) *module {
	t.Helper()
	m, err := readModule(t.Context(), "module", t.TempDir(), imageFlags)
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range platforms {
		dir := m.place(platform)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name+" for "+platform), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

func build(t *testing.T, m *module) v1.ImageIndex {
	t.Helper()
	idx, err := oci.Index(platforms, func(platform string) (v1.Image, error) {
		dir, err := m.compile(t.Context(), platform)
		if err != nil {
			return nil, err
		}
		return m.pack(dir, []byte("the licence"), platform)
	})
	if err != nil {
		t.Fatal(err)
	}
	return idx
}

func TestTheSameProgramsGiveTheSameImage(t *testing.T) {
	var digests []v1.Hash
	for range 2 {
		dir := filepath.Join(t.TempDir(), "layout")
		if err := oci.WriteLayout(dir, build(t, compiled(t))); err != nil {
			t.Fatal(err)
		}
		// As chart-promoter reads it.
		idx, err := image.FromLayout(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := idx.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("%v", digests)
	}
}

func TestTheImageHasWhatAPodNeeds(t *testing.T) {
	m := compiled(t)
	img, err := m.pack(m.place("linux/arm64"), []byte("the licence"), "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Architecture != "arm64" || c.Config.User != "1000:1000" || c.Config.Entrypoint[0] != "/usr/local/bin/lnd" || c.Config.Labels["org.opencontainers.image.version"] != "0.21.0-beta" {
		t.Errorf("%+v", c)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close() //nolint:errcheck // in the test's own memory
	var got []string
	for files := tar.NewReader(content); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && strings.HasPrefix(h.Name, "usr/") {
			text, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h.Name+" "+h.FileInfo().Mode().String()+" "+string(text))
		}
	}
	want := []string{
		"usr/local/bin/lncli -rwxr-xr-x lncli for linux/arm64", "usr/local/bin/lnd -rwxr-xr-x lnd for linux/arm64",
		"usr/share/licenses/lnd/LICENSE -rw-r--r-- the licence",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Programs of another state of the module, of another platform, or with symbols, must not be taken from the cache.
func TestProgramsInTheCacheAreThoseOfTheModule(t *testing.T) {
	dir := t.TempDir()
	places := map[string]string{}
	for name, change := range map[string]func(mod, sum string) (string, string){
		"the module": func(mod, sum string) (string, string) { return mod, sum },
		"another version": func(mod, sum string) (string, string) {
			return strings.Replace(mod, "v0.21.0-beta", "v0.21.1-beta", 1), sum
		},
		"another sum": func(mod, sum string) (string, string) { return mod, sum + "x" },
	} {
		for _, file := range []string{"go.mod", "go.sum"} {
			raw, err := os.ReadFile(filepath.Join("module", file))
			if err != nil {
				t.Fatal(err)
			}
			text, sum := change(string(raw), string(raw))
			if file == "go.sum" {
				text = sum
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, flags := range [][]string{imageFlags, withSymbols} {
			m, err := readModule(t.Context(), dir, "/cache", flags)
			if err != nil {
				t.Fatal(err)
			}
			for _, platform := range platforms {
				places[m.place(platform)] = name
			}
		}
	}
	if len(places) != 12 {
		t.Errorf("%v", places)
	}
}

func TestWhatCannotBeBuiltIsReported(t *testing.T) {
	ctx, none := t.Context(), func(string) string { return "" }
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"no command":       {nil, nil, "use layout"},
		"too much":         {[]string{"layout", "x"}, nil, "use layout"},
		"no directory":     {[]string{"layout"}, nil, "IMAGE_LAYOUT is not set"},
		"another platform": {[]string{"archive", "x", "y", "linux/s390x"}, nil, "choose from linux/amd64, linux/arm64"},
		"a list of them":   {[]string{"layout"}, map[string]string{"IMAGE_LAYOUT": t.TempDir(), "IMAGE_PLATFORMS": "plan9/amd64"}, "choose from"},
	} {
		env := none
		if test.env != nil {
			env = func(k string) string { return test.env[k] }
		}
		if err := run(ctx, test.args, env, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
