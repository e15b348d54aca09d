package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha1" //nolint:gosec // the address of a file in Debian's snapshot archive
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/ulikunitz/xz"
)

// packed is a tar file of these files, compressed. A content that begins with -> is a symbolic link.
func packed(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := xz.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "./" + name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}
		if strings.Contains(name, "bin/") {
			h.Mode = 0o755
		}
		link, ok := strings.CutPrefix(files[name], "->")
		if ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, link, 0
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if !ok {
			if _, err := tw.Write([]byte(files[name])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type arFile struct {
	name    string
	content []byte
}

func archiveOf(files ...arFile) []byte {
	text := []byte(arMagic)
	for _, f := range files {
		text = append(text, fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n", f.name, 0, 0, 0, "100644", len(f.content))...)
		text = append(text, f.content...)
		if len(f.content)%2 == 1 {
			text = append(text, '\n')
		}
	}
	return text
}

// debOf is a package with these files.
func debOf(t testing.TB, name string, files map[string]string) []byte {
	control := packed(t, map[string]string{"control": "Package: " + name + "\nVersion: 1.0\n"})
	return archiveOf(arFile{"debian-binary", []byte("2.0\n")}, arFile{"control.tar.xz", control}, arFile{"data.tar.xz", packed(t, files)})
}

// pinOf is the pin of a package, which is at pool/NAME_1.0.deb.
func pinOf(name string, content []byte, files map[string]string) pin {
	sum, address := sha256.Sum256(content), sha1.Sum(content) //nolint:gosec // see above
	return pin{
		Package: name, Version: "1.0", Source: name + " 1.0", Path: "pool/" + name + "_1.0.deb", Size: int64(len(content)),
		SHA256: hex.EncodeToString(sum[:]), SHA1: hex.EncodeToString(address[:]), Files: files,
	}
}

// server is a mirror and an archive with some files, which notes what is requested.
type server struct {
	*httptest.Server
	mu        sync.Mutex
	requested []string
	// busy is how many of the first requests get the answer that the server is busy.
	busy int
}

func serve(t *testing.T, files map[string][]byte) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requested = append(s.requested, r.URL.EscapedPath())
		s.mu.Unlock()
		content, ok := files[r.URL.Path]
		switch {
		case len(s.noted()) <= s.busy:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case !ok:
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	return s
}

// noted are the requests so far.
func (s *server) noted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requested)
}

func (s *server) fetcher(t *testing.T) *fetcher {
	return &fetcher{dir: t.TempDir(), mirrors: []string{s.URL + "/mirror"}, snapshot: s.URL + "/file/", backoff: wait.Backoff{Steps: 3, Duration: time.Millisecond}, client: s.Client(), log: t.Output()}
}
