package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// The files in the source are those of the pinned package: nobody has changed them by hand.
func TestTheLibraryOfThePageIsThePinnedOne(t *testing.T) {
	root := filepath.Join("..", "..", directory)
	text, err := os.ReadFile(filepath.Join(root, "library.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pinned library
	if err := json.Unmarshal(text, &pinned); err != nil {
		t.Fatal(err)
	}
	for name, want := range pinned.Files {
		content, err := os.ReadFile(filepath.Join(root, path.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s has the digest %s, pinned is %s: go run ./ci/weblib writes it again", name, got, want)
		}
	}
	if len(pinned.Files) < 2 || pinned.License == "" {
		t.Errorf("the library has no license beside it: %+v", pinned)
	}
}

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	writer := tar.NewWriter(zipped)
	for name, content := range files {
		if err := writer.WriteHeader(&tar.Header{Name: "package/" + name, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAnotherPackageThanThePinnedOneIsRejected(t *testing.T) {
	work := t.TempDir()
	file := filepath.Join(work, "library.json")
	if err := os.WriteFile(file, []byte(`{"package":"p","version":"1","license":"ISC","files":{"dist/p.js":"","LICENSE":""}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	good := archive(t, map[string]string{"dist/p.js": "good", "LICENSE": "free", "other": "x"})
	gives := func(content []byte) func(string, string) ([]byte, error) {
		return func(string, string) ([]byte, error) { return content, nil }
	}
	if err := run(work, []string{"2"}, gives(good)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(work, "p.js")); err != nil || string(text) != "good" {
		t.Errorf("the file is %q (%v)", text, err)
	}
	if _, err := os.Stat(filepath.Join(work, "other")); err == nil {
		t.Error("a file that is not listed was written")
	}
	if err := run(work, nil, gives(good)); err != nil {
		t.Errorf("the pinned package: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"version": "2"`) {
		t.Errorf("pinned is %s (%v)", text, err)
	}
	err := run(work, nil, gives(archive(t, map[string]string{"dist/p.js": "evil", "LICENSE": "free"})))
	if err == nil || !strings.Contains(err.Error(), "is another package than the pinned one") {
		t.Errorf("another package: %v", err)
	}
	if err := run(work, []string{"3"}, gives(archive(t, map[string]string{"LICENSE": "free"}))); err == nil || !strings.Contains(err.Error(), "has no file dist/p.js") {
		t.Errorf("a package without the file: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(work, "p.js")); err != nil || string(text) != "good" {
		t.Errorf("the file is %q after a rejected package (%v)", text, err)
	}
}
