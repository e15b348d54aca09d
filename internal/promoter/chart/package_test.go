package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReadPackageRejects(t *testing.T) {
	chart := file("a/Chart.yaml", "name: a\nversion: 1.0.0\n")
	cases := map[string]struct {
		tgz  []byte
		want error
	}{
		"nothing":                        {nil, ErrNoChart},
		"no archive":                     {[]byte("hello"), ErrNoChart},
		"an empty archive":               {tgz(), ErrNoChart},
		"half an archive":                {tgz(chart)[:60], ErrNoChart},
		"no Chart.yaml":                  {tgz(file("a/b", "")), ErrNoChart},
		"a path that leaves the chart":   {tgz(chart, file("a/../../etc/passwd", "")), ErrUnsafe},
		"an absolute path":               {tgz(chart, file("/etc/passwd", "")), ErrUnsafe},
		"a path with a backslash":        {tgz(chart, file(`a\..\..\b`, "")), ErrUnsafe},
		"a drive letter":                 {tgz(chart, file("c:/b", "")), ErrUnsafe},
		"a symbolic link":                {tgz(chart, entry{tar.Header{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""}), ErrUnsafe},
		"a hard link":                    {tgz(chart, entry{tar.Header{Name: "a/l", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}, ""}), ErrUnsafe},
		"Chart.yaml twice":               {tgz(chart, file("a/Chart.yaml", "name: a\nversion: 2.0.0\n")), ErrUnsafe},
		"a second directory":             {tgz(chart, file("b/x", "")), ErrUnsafe},
		"a directory of another name":    {tgz(file("b/Chart.yaml", "name: a\nversion: 1.0.0\n")), ErrNoChart},
		"more than Helm's limit, packed": {tgz(append([]entry{chart}, zeros()...)...), ErrNoChart},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if p, err := ReadPackage(c.tgz); !errors.Is(err, c.want) {
				t.Errorf("got %v, %v, want %v", p, err, c.want)
			}
		})
	}
	if p, err := ReadPackage(tgz(chart)); err != nil || p.Name != "a" {
		t.Errorf("the same without faults: %v, %v", p, err)
	}
}

type entry struct {
	header  tar.Header
	content string
}

func file(name, content string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}, content}
}

func zeros() (all []entry) {
	for i := range 26 {
		all = append(all, file(fmt.Sprintf("a/%d", i), strings.Repeat("\x00", 4<<20)))
	}
	return all
}

func tgz(entries ...entry) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		if err := w.WriteHeader(&e.header); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			panic(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func untar(t *testing.T, tgz []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	r := tar.NewReader(z)
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		files[h.Name] = b.String()
	}
	return files
}
