package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// somePins are pins of small packages for two platforms, and a fetcher that has them.
func somePins(t *testing.T) (*pins, *fetcher) {
	t.Helper()
	p := &pins{Index: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Platforms: map[string][]pin{}}
	files := map[string][]byte{}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		for name, content := range map[string]map[string]string{
			program: {"usr/bin/bitcoind": "program for " + platform, "usr/bin/bitcoin-cli": "client", "usr/bin/bitcoin-tx": "unwanted"},
			"libx":  {"usr/lib/libx.so.1": "->libx.so.1.2", "usr/lib/libx.so.1.2": "library"},
		} {
			targets := map[string]string{"usr/lib/libx.so.1": "usr/lib/libx.so.1"}
			if name == program {
				targets = map[string]string{"usr/local/bin/bitcoind": "usr/bin/bitcoind", "usr/local/bin/bitcoin-cli": "usr/bin/bitcoin-cli"}
			}
			deb := debOf(t, name, content)
			pin := pinOf(name, deb, targets)
			pin.Path = filepath.Join("pool", platform, name+".deb")
			files["/mirror/"+pin.Path] = deb
			p.Platforms[platform] = append(p.Platforms[platform], pin)
		}
	}
	return p, serve(t, files).fetcher(t)
}

func digestOf(t *testing.T, p *pins, get *fetcher, platforms ...string) (v1.ImageIndex, v1.Hash) {
	t.Helper()
	idx, err := p.index(t.Context(), get, platforms)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if err := oci.WriteLayout(dir, idx); err != nil {
		t.Fatal(err)
	}
	// As chart-promoter reads it.
	if idx, err = image.FromLayout(dir, nil); err != nil {
		t.Fatal(err)
	}
	digest, err := idx.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return idx, digest
}

func TestTheSamePinsGiveTheSameDigest(t *testing.T) {
	p, get := somePins(t)
	_, first := digestOf(t, p, get, "linux/amd64", "linux/arm64")
	text, err := p.text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parsePins(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, second := digestOf(t, again, get, "linux/amd64", "linux/arm64"); first != second {
		t.Errorf("the second build has the digest %s, the first %s", second, first)
	}
	again.Index = again.Index.Add(time.Hour)
	if _, other := digestOf(t, again, get, "linux/amd64", "linux/arm64"); first == other {
		t.Error("the digest does not depend on the pins")
	}
}

func TestTheImageHasWhatTheNodesNeed(t *testing.T) {
	p, get := somePins(t)
	idx, _ := digestOf(t, p, get, "linux/amd64", "linux/arm64")
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for i, architecture := range []string{"amd64", "arm64"} {
		if got := m.Manifests[i].Platform.String(); got != "linux/"+architecture {
			t.Errorf("image %d is for %s", i, got)
		}
		img, err := idx.Image(m.Manifests[i].Digest)
		if err != nil {
			t.Fatal(err)
		}
		c, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if c.Architecture != architecture || c.OS != "linux" || !c.Created.Equal(p.Index) {
			t.Errorf("the configuration is for %s/%s, of %s", c.OS, c.Architecture, c.Created)
		}
		labels := c.Config.Labels
		c.Config.Labels = nil
		if d := cmp.Diff(v1.Config{
			User: "1000:1000", Env: []string{"PATH=/usr/local/bin", "HOME=/data", "MALLOC_ARENA_MAX=1"}, Volumes: map[string]struct{}{"/data": {}},
			ExposedPorts: map[string]struct{}{"18332/tcp": {}, "18444/tcp": {}}, Entrypoint: []string{"/usr/local/bin/bitcoind"}, Cmd: []string{"-conf=/bitcoin.conf"},
		}, c.Config); d != "" {
			t.Error(d)
		}
		if labels["org.opencontainers.image.version"] != "1.0" {
			t.Errorf("the labels are %v", labels)
		}
		if d := cmp.Diff(listing(architecture), list(t, img)); d != "" {
			t.Error(d)
		}
	}
}

func listing(architecture string) []string {
	return []string{
		"-rw-r--r-- 0 bitcoin.conf " + string(bitcoinConf), "drwxr-xr-x 1000 data/ ", "drwxr-xr-x 0 etc/ ",
		"-rw-r--r-- 0 etc/group bitcoin:x:1000:\n", "-rw-r--r-- 0 etc/nsswitch.conf hosts: files dns\n",
		"-rw-r--r-- 0 etc/os-release ID=debian\nNAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux sid\"\nVERSION_CODENAME=sid\n",
		"-rw-r--r-- 0 etc/passwd bitcoin:x:1000:1000:bitcoin:/data:/usr/sbin/nologin\n", "dtrwxrwxrwx 0 tmp/ ", "drwxr-xr-x 0 usr/ ",
		"drwxr-xr-x 0 usr/lib/ ", "-rw-r--r-- 0 usr/lib/libx.so.1 library", "drwxr-xr-x 0 usr/local/ ", "drwxr-xr-x 0 usr/local/bin/ ",
		"-rwxr-xr-x 0 usr/local/bin/bitcoin-cli client", "-rwxr-xr-x 0 usr/local/bin/bitcoind program for linux/" + architecture,
		"drwxr-xr-x 0 var/ ", "drwxr-xr-x 0 var/lib/ ", "drwxr-xr-x 0 var/lib/dpkg/ ", "drwxr-xr-x 0 var/lib/dpkg/status.d/ ",
		"-rw-r--r-- 0 var/lib/dpkg/status.d/bitcoin-knots Package: bitcoin-knots\nVersion: 1.0\n",
		"-rw-r--r-- 0 var/lib/dpkg/status.d/libx Package: libx\nVersion: 1.0\n",
	}
}

// list has the mode, owner, name and content of each file of an image.
func list(t *testing.T, img v1.Image) (lines []string) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for tr := tar.NewReader(r); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s %d %s %s", h.FileInfo().Mode(), h.Uid, h.Name, content))
		}
	}
	return lines
}

func TestAnArchiveIsThatOfOnePlatform(t *testing.T) {
	p, get := somePins(t)
	img, err := p.image(t.Context(), get, "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := oci.WriteArchive(file, "example.com/bitcoind:1", img); err != nil {
		t.Fatal(err)
	}
	m, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		t.Fatal(err)
	}
	if len(m) != 1 || m[0].Config != want.String() || cmp.Diff(m[0].RepoTags, []string{"example.com/bitcoind:1"}) != "" {
		t.Errorf("the archive has %+v, want the image %s", m, want)
	}
	if err := oci.WriteArchive(file, "a b", img); err == nil {
		t.Error("a name with a space is accepted")
	}
}

func TestWhatCannotBeBuiltIsReported(t *testing.T) {
	p, get := somePins(t)
	if _, err := p.index(t.Context(), get, []string{"linux/s390x"}); err == nil || !strings.Contains(err.Error(), "linux/s390x; choose from linux/amd64, linux/arm64") {
		t.Errorf("another platform: %v", err)
	}
	p.Platforms["linux/amd64"][0].Files["etc/missing"] = "usr/lib/missing"
	if _, err := p.index(t.Context(), get, []string{"linux/amd64"}); err == nil || !strings.Contains(err.Error(), "has no file usr/lib/missing; renew the pins") {
		t.Errorf("a file that the package lacks: %v", err)
	}
	for _, args := range [][]string{nil, {"build"}, {"layout", "x"}, {"archive", "x"}} {
		if err := run(t.Context(), args, func(string) string { return "" }); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"layout"}, func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "IMAGE_LAYOUT is not set") {
		t.Errorf("without a directory: %v", err)
	}
}
