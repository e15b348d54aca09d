package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // the address of a file in Debian's snapshot archive
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
)

// pinsFile is relative to the root of the repository, where the command runs.
const pinsFile = "ci/images/bitcoind/pins.json"

// platforms are those of the image.
var platforms = []string{"linux/amd64", "linux/arm64"}

// update writes pins.json anew, with the current versions. What it has now is not read: it may be the reason for the update.
func update(ctx context.Context, get *fetcher) error {
	if _, err := os.Stat(pinsFile); err != nil {
		return fmt.Errorf("run this in the root of the repository: %w", err)
	}
	if len(get.mirrors) == 0 {
		return errNoMirror
	}
	renewed := pins{Platforms: map[string][]pin{}}
	for _, platform := range platforms {
		if err := renewed.add(ctx, get, platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	text, err := renewed.text()
	if err != nil {
		return err
	}
	if _, err := parsePins(text); err != nil {
		return err
	}
	fmt.Fprintf(get.log, "the package index was signed at %s\n", renewed.Index)
	return atomicfile.Write(pinsFile, text, 0o644)
}

var errNoMirror = errors.New("no mirror of Debian is known; set DEBIAN_MIRROR to one, as apt names it")

// checkPins is check for the pins of this source.
func checkPins(ctx context.Context, get *fetcher) error {
	p, err := parsePins(pinsText)
	if err != nil {
		return err
	}
	if len(get.mirrors) == 0 {
		return errNoMirror
	}
	return p.check(ctx, get, get.index)
}

// index is the time of the suite's package index, and the packages of a platform in it that the program needs, without their files and
// SHA-1.
func (f *fetcher) index(ctx context.Context, platform string) (time.Time, []pin, error) {
	dir, err := os.MkdirTemp("", "apt-*")
	if err != nil {
		return time.Time{}, nil, err
	}
	defer os.RemoveAll(dir)
	_, architecture, _ := strings.Cut(platform, "/")
	a, err := newApt(ctx, dir, architecture, f.mirrors[0])
	if err != nil {
		return time.Time{}, nil, err
	}
	when, err := a.indexTime()
	if err != nil {
		return time.Time{}, nil, err
	}
	list, err := a.closure(ctx, program)
	return when, list, err
}

// text is the content of pins.json.
func (p *pins) text() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(p)
	return buf.Bytes(), err
}

// add pins the packages of a platform.
func (p *pins) add(ctx context.Context, get *fetcher, platform string) error {
	when, list, err := get.index(ctx, platform)
	if err != nil {
		return err
	}
	if when.After(p.Index) {
		p.Index = when.UTC()
	}
	unpacked := map[string]*deb{}
	for i := range list {
		content, err := get.get(ctx, list[i])
		if err != nil {
			return err
		}
		sum := sha1.Sum(content) //nolint:gosec // see above
		list[i].SHA1 = hex.EncodeToString(sum[:])
		if unpacked[list[i].Package], err = unpack(content); err != nil {
			return fmt.Errorf("%s: %w", list[i].Package, err)
		}
	}
	files, err := needed(unpacked)
	if err != nil {
		return err
	}
	for _, pin := range list {
		if pin.Files = files[pin.Package]; len(pin.Files) > 0 {
			p.Platforms[platform] = append(p.Platforms[platform], pin)
		}
	}
	slices.SortFunc(p.Platforms[platform], func(a, b pin) int { return cmp.Compare(a.Package, b.Package) })
	return nil
}

// needed are the files of the image for each package, as in a pin: the two programs, what they load, and the copyright of each package.
func needed(packages map[string]*deb) (map[string]map[string]string, error) {
	files := map[string]map[string]string{}
	add := func(pkg, target, source string) {
		if files[pkg] == nil {
			files[pkg] = map[string]string{}
		}
		files[pkg][target] = source
	}
	main, ok := packages[program]
	if !ok {
		return nil, fmt.Errorf("the index has no package %s", program)
	}
	l := loader{packages: packages, found: map[string]located{}}
	for _, name := range []string{"bitcoind", "bitcoin-cli"} {
		f, ok := main.file("usr/bin/" + name)
		if !ok {
			return nil, fmt.Errorf("%s has no program %s", program, name)
		}
		add(program, "usr/local/bin/"+name, "usr/bin/"+name)
		if err := l.load(name, f.content); err != nil {
			return nil, err
		}
	}
	for target, at := range l.found {
		add(at.pkg, target, at.path)
	}
	// The package that has the copyright of another one has its own too, and is described in the image: it is in the list then.
	for list := slices.Sorted(maps.Keys(files)); len(list) > 0; list = list[1:] {
		source, err := copyright(packages, list[0])
		if err != nil {
			return nil, err
		}
		if files[source.pkg] == nil {
			list = append(list, source.pkg)
		}
		add(source.pkg, filepath.ToSlash(filepath.Join("usr/share/doc", list[0], "copyright")), source.path)
	}
	return files, nil
}

// copyright is where the copyright of a package is: in itself, or in another one of the same source, which its directory then links to.
func copyright(packages map[string]*deb, pkg string) (located, error) {
	name := "usr/share/doc/" + pkg
	for range linksLimit {
		for other, d := range packages {
			if _, ok := d.file(name + "/copyright"); ok {
				return located{other, name + "/copyright"}, nil
			}
		}
		link := packages[pkg].files[name].link
		if link == "" {
			break
		}
		name = link
	}
	return located{}, fmt.Errorf("the copyright of %s is in no package", pkg)
}
