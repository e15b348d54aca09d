package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/ulikunitz/xz"
)

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	// unpackedLimit is the size of what is read of one package: an archive of a few bytes can unpack to any number of them.
	unpackedLimit = 256 << 20
)

var errDeb = errors.New("the file is no package of Debian")

// member returns a file of the ar archive that a package is. The name has no compression suffix: data.tar for data.tar.xz.
func member(deb []byte, name string) (full string, content []byte, err error) {
	rest, ok := bytes.CutPrefix(deb, []byte(arMagic))
	if !ok {
		return "", nil, fmt.Errorf("%w: it does not begin as an archive", errDeb)
	}
	for len(rest) >= arHeader {
		header := rest[:arHeader]
		rest = rest[arHeader:]
		size, err := strconv.ParseUint(strings.TrimSpace(string(header[48:58])), 10, 40)
		if err != nil || string(header[58:60]) != "`\n" || size > uint64(len(rest)) {
			return "", nil, fmt.Errorf("%w: it is damaged", errDeb)
		}
		full := strings.TrimRight(string(header[:16]), " /")
		if full == name || strings.HasPrefix(full, name+".") {
			return full, rest[:size], nil
		}
		// Members begin at even positions.
		rest = rest[min(size+size%2, uint64(len(rest))):]
	}
	return "", nil, fmt.Errorf("%w: it has no %s", errDeb, name)
}

// file is a file of a package: a regular file, or a link if link is set.
type file struct {
	content []byte
	program bool
	link    string
}

// deb is an unpacked package: its files by their paths, and the description of the package, as dpkg keeps it.
type deb struct {
	files   map[string]file
	control []byte
}

func unpack(content []byte) (*deb, error) {
	data, err := unpackMember(content, "data.tar")
	if err != nil {
		return nil, err
	}
	control, err := unpackMember(content, "control.tar")
	if err != nil {
		return nil, err
	}
	return &deb{data, control["control"].content}, nil
}

func unpackMember(content []byte, name string) (map[string]file, error) {
	full, packed, err := member(content, name)
	if err != nil {
		return nil, err
	}
	// Debian's own packages have no other compression.
	if full != name+".xz" {
		return nil, fmt.Errorf("%w with a known compression: it has %s, not %s.xz", errDeb, full, name)
	}
	plain, err := xz.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDeb, full, err)
	}
	files, err := readTar(io.LimitReader(plain, unpackedLimit))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDeb, full, err)
	}
	return files, nil
}

func readTar(r io.Reader) (map[string]file, error) {
	files := map[string]file{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		switch h.Typeflag {
		case tar.TypeReg:
			content, err := io.ReadAll(tr)
			if err != nil {
				return nil, err
			}
			files[name] = file{content: content, program: h.Mode&0o111 != 0}
		case tar.TypeSymlink:
			files[name] = file{link: strings.TrimPrefix(path.Join("/", path.Dir(name), h.Linkname), "/")}
			if path.IsAbs(h.Linkname) {
				files[name] = file{link: strings.TrimPrefix(path.Clean(h.Linkname), "/")}
			}
		case tar.TypeLink:
			files[name] = file{link: strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")}
		}
	}
}

// linksLimit ends links that form a circle.
const linksLimit = 8

// file returns the regular file that a path of the package leads to.
func (d *deb) file(name string) (file, bool) {
	for range linksLimit {
		f, ok := d.files[name]
		if !ok || f.link == "" {
			return f, ok
		}
		name = f.link
	}
	return file{}, false
}
