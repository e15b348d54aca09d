package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestAPackageIsUnpacked(t *testing.T) {
	d, err := unpack(debOf(t, "libx", map[string]string{
		"usr/bin/x": "program", "usr/lib/libx.so.1.2": "library", "usr/lib/libx.so.1": "->libx.so.1.2", "usr/lib/libx.so": "->/usr/lib/libx.so.1",
		"usr/lib/circle": "->circle", "usr/lib/nowhere": "->../../../../etc/shadow",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.control); got != "Package: libx\nVersion: 1.0\n" {
		t.Errorf("the control file is %q", got)
	}
	if f, ok := d.file("usr/bin/x"); !ok || string(f.content) != "program" || !f.program {
		t.Errorf("the program is %v, %v", f, ok)
	}
	for _, name := range []string{"usr/lib/libx.so.1.2", "usr/lib/libx.so.1", "usr/lib/libx.so"} {
		if f, ok := d.file(name); !ok || string(f.content) != "library" || f.program {
			t.Errorf("%s is %v, %v", name, f, ok)
		}
	}
	for _, name := range []string{"usr/lib/circle", "usr/lib/nowhere", "usr/lib", "etc/shadow"} {
		if f, ok := d.file(name); ok {
			t.Errorf("%s is a file: %q", name, f.content)
		}
	}
}

func TestWhatIsNoPackageIsReported(t *testing.T) {
	whole := debOf(t, "libx", map[string]string{"usr/bin/x": strings.Repeat("program ", 1000)})
	zstd := archiveOf(arFile{"control.tar.xz", packed(t, nil)}, arFile{"data.tar.zst", []byte("x")})
	tests := map[string]struct {
		content []byte
		want    string
	}{
		"a page":              {[]byte("<html>"), "does not begin as an archive"},
		"nothing":             {nil, "does not begin as an archive"},
		"an end in a member":  {whole[:len(whole)-20], "it is damaged"},
		"no data":             {archiveOf(arFile{"control.tar.xz", packed(t, nil)}), "it has no data.tar"},
		"a broken header":     {bytes.Replace(whole, []byte("`\n"), []byte("xx"), 1), "it is damaged"},
		"another compression": {zstd, "it has data.tar.zst, not data.tar.xz"},
		"broken data":         {archiveOf(arFile{"data.tar.xz", []byte("not compressed")}), "data.tar.xz"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(test.content)
			if !errors.Is(err, errDeb) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func FuzzMembers(f *testing.F) {
	f.Add(archiveOf(arFile{"debian-binary", []byte("2.0\n")}, arFile{"data.tar.xz", []byte("x")}))
	f.Add([]byte(arMagic))
	f.Fuzz(func(t *testing.T, content []byte) {
		full, data, err := member(content, "data.tar")
		if err == nil && (!strings.HasPrefix(full, "data.tar") || len(data) > len(content)) {
			t.Errorf("%s has %d bytes", full, len(data))
		}
		if _, err := unpack(content); err != nil && !errors.Is(err, errDeb) {
			t.Errorf("the error has another type: %v", err)
		}
	})
}
