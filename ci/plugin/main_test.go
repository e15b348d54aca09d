package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestWhatCannotBeBuiltIsNamed(t *testing.T) {
	env := map[string]string{"VERSION": "1.2.3", "SOURCE_DATE_EPOCH": "1700000000"}
	good := []string{"-out", "x", "-url", "https://example.com/{version}/", "-platforms", "linux/amd64,windows/arm64"}
	r, err := parse(good, func(name string) string { return env[name] })
	if err != nil || r.url != "https://example.com/1.2.3/" || len(r.platforms) != 2 || r.platforms[1] != (platform{"windows", "arm64"}) || r.when.Unix() != 1700000000 {
		t.Fatalf("%+v (%v)", r, err)
	}
	for want, change := range map[string]func([]string, map[string]string){
		"VERSION is":           func(_ []string, env map[string]string) { env["VERSION"] = "v1.2" },
		"SOURCE_DATE_EPOCH is": func(_ []string, env map[string]string) { env["SOURCE_DATE_EPOCH"] = "yesterday" },
		"-platforms has":       func(args []string, _ map[string]string) { args[5] = "linux/amd64,plan9/386" },
		"-url is":              func(args []string, _ map[string]string) { args[3] = "http://example.com" },
		"-out must":            func(args []string, _ map[string]string) { args[1] = "" },
	} {
		args, changed := append([]string{}, good...), map[string]string{"VERSION": "1.2.3", "SOURCE_DATE_EPOCH": "1700000000"}
		change(args, changed)
		if _, err := parse(args, func(name string) string { return changed[name] }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, without %q", err, want)
		}
	}
}

func TestAnArchiveHasNothingOfTheMachine(t *testing.T) {
	r := &release{when: time.Unix(1700000000, 0).UTC()}
	entries := []entry{{"LICENSE", 0o644, []byte("text")}, {"kubectl-btcnet", 0o755, []byte("program")}}
	data, err := r.pack(entries)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.pack(entries); err != nil || !bytes.Equal(again, data) {
		t.Errorf("the same files give another archive (%v)", err)
	}
	zipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil || !zipped.ModTime.IsZero() || zipped.Name != "" {
		t.Fatalf("%+v (%v)", zipped, err)
	}
	archive := tar.NewReader(zipped)
	for _, want := range entries {
		header, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		if header.Name != want.name || header.Mode != want.mode || !header.ModTime.Equal(r.when) || header.Uid != 0 || header.Uname != "" {
			t.Errorf("%+v", header)
		}
		if got, err := io.ReadAll(archive); err != nil || !bytes.Equal(got, want.data) {
			t.Errorf("%s has %q (%v)", want.name, got, err)
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last file: %v", err)
	}
}
