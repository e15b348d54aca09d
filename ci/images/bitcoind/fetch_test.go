package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
)

func TestAPackageComesFromTheFirstPlaceThatHasIt(t *testing.T) {
	content := debOf(t, "libstdc++6", nil)
	p := pinOf("libstdc++6", content, nil)
	const onMirror, anywhere = "/mirror/pool/libstdc++6_1.0.deb", "/mirror/pool/libstdc%2B%2B6_1.0.deb"
	atSnapshot := "/file/" + p.SHA1
	tests := map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"the mirror has it":                {map[string][]byte{onMirror: content, atSnapshot: content}, []string{anywhere}},
		"the mirror has dropped it":        {map[string][]byte{atSnapshot: content}, []string{anywhere, atSnapshot}},
		"the mirror has other bytes":       {map[string][]byte{onMirror: slices.Concat(content[1:], []byte("x")), atSnapshot: content}, []string{anywhere, atSnapshot}},
		"the mirror has more bytes":        {map[string][]byte{onMirror: append(slices.Clone(content), 'x'), atSnapshot: content}, []string{anywhere, atSnapshot}},
		"the mirror has the half of it":    {map[string][]byte{onMirror: content[:len(content)/2], atSnapshot: content}, []string{anywhere, atSnapshot}},
		"the mirror has a page in its way": {map[string][]byte{onMirror: []byte("<html>"), atSnapshot: content}, []string{anywhere, atSnapshot}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, test.files)
			got, err := s.fetcher(t).get(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(content) {
				t.Error("the package has other bytes")
			}
			if !slices.Equal(s.requested, test.want) {
				t.Errorf("requested %v, want %v", s.requested, test.want)
			}
		})
	}
}

func TestAPackageThatNoPlaceHasIsReportedWithWhatToDo(t *testing.T) {
	content := debOf(t, "libx", nil)
	p := pinOf("libx", content, nil)
	s := serve(t, map[string][]byte{"/file/" + p.SHA1: []byte("x")})
	f := s.fetcher(t)
	f.mirrors = append([]string{"http://127.0.0.1:1"}, f.mirrors...)
	_, err := f.get(t.Context(), p)
	if err == nil {
		t.Fatal("a package with other bytes is accepted")
	}
	for _, want := range []string{"libx 1.0 cannot be downloaded", "DEBIAN_MIRROR", updateCommand, "127.0.0.1:1/pool/libx_1.0.deb: dial", "404 Not Found", "another size than the pinned"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %q:\n%v", want, err)
		}
	}
	if left, _ := os.ReadDir(f.dir); len(left) > 0 {
		t.Errorf("what is not the package is kept: %v", left)
	}
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	content := debOf(t, "libx", nil)
	p := pinOf("libx", content, nil)
	for busy, found := range map[int]bool{2: true, 3: false} {
		s := serve(t, map[string][]byte{"/file/" + p.SHA1: content})
		s.busy = busy
		f := s.fetcher(t)
		f.mirrors = nil
		got, err := f.get(t.Context(), p)
		if (err == nil) != found || (string(got) == string(content)) != found {
			t.Errorf("busy %d times: %d bytes, %v", busy, len(got), err)
		}
		if err != nil && !strings.Contains(err.Error(), "503 Service Unavailable") {
			t.Errorf("the message lacks the answer: %v", err)
		}
		if n := len(s.noted()); n != 3 {
			t.Errorf("busy %d times: %d requests, want 3", busy, n)
		}
	}
}

func TestAPackageIsDownloadedOnce(t *testing.T) {
	content := debOf(t, "libx", nil)
	p := pinOf("libx", content, nil)
	s := serve(t, map[string][]byte{"/mirror/" + p.Path: content})
	f := s.fetcher(t)
	for range 2 {
		if _, err := f.get(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.requested) != 1 {
		t.Errorf("requested %v", s.requested)
	}
	kept := filepath.Join(f.dir, p.SHA256+".deb")
	if err := os.WriteFile(kept, content[:10], 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := f.get(t.Context(), p); err != nil || string(got) != string(content) {
		t.Errorf("with a damaged copy: %d bytes, %v", len(got), err)
	}
	if len(s.requested) != 2 {
		t.Errorf("requested %v", s.requested)
	}
}

func TestPackagesAreKeptWhereTheScriptsKeepTheirs(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		want string
	}{
		"a home":             {map[string]string{"HOME": "/home/a"}, "/home/a/.cache/bitcoin-controller/packages"},
		"a cache of its own": {map[string]string{"HOME": "/home/a", "XDG_CACHE_HOME": "/cache"}, "/cache/bitcoin-controller/packages"},
		"neither":            {nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := oci.CacheDir(func(k string) string { return test.env[k] }, "packages"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTheMirrorOfTheEnvironmentComesFirst(t *testing.T) {
	f := newFetcher(t.Context(), func(k string) string {
		return map[string]string{"DEBIAN_MIRROR": "http://mirror.example.com/debian/", "DEBIAN_SNAPSHOT": "http://snapshot.example.com/file/"}[k]
	})
	if places := f.places(pin{Path: "pool/a.deb", SHA1: "0a"}); places[0] != "http://mirror.example.com/debian/pool/a.deb" || places[len(places)-1] != "http://snapshot.example.com/file/0a" {
		t.Errorf("the places are %v", places)
	}
}

func TestWithoutAMirrorTheMessageNamesTheVariable(t *testing.T) {
	f := &fetcher{dir: t.TempDir()}
	_, err := f.get(t.Context(), pinOf("libx", debOf(t, "libx", nil), nil))
	if err == nil || !strings.Contains(err.Error(), "set DEBIAN_MIRROR") || !strings.Contains(err.Error(), "no mirror is known") {
		t.Errorf("%v", err)
	}
}
