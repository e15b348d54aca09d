package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed pins.json
var pinsText []byte

// pins are the packages of the image.
type pins struct {
	// Index is the time of the package index that the packages were taken from; it is the time of everything in the image.
	Index time.Time `json:"index"`
	// Platforms have the packages of each platform, such as linux/amd64.
	Platforms map[string][]pin `json:"platforms"`
}

// pin is a package of Debian, of which the image has some files.
type pin struct {
	Package string `json:"package"`
	Version string `json:"version"`
	// Source is the name and version of the source package.
	Source string `json:"source"`
	// Path is that of the file on a mirror.
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// SHA1 is the address in Debian's snapshot archive, and nothing is trusted because of it.
	SHA1 string `json:"sha1"`
	// Files maps a path in the image to the path in the package.
	Files map[string]string `json:"files"`
}

var (
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sha1Pattern   = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

func parsePins(text []byte) (*pins, error) {
	var p pins
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("pins.json cannot be read: %w", err)
	}
	for platform, list := range p.Platforms {
		owner := map[string]string{}
		for _, pin := range list {
			if err := pin.validate(); err != nil {
				return nil, fmt.Errorf("pins.json: package %s of %s: %w", pin.Package, platform, err)
			}
			for target := range pin.Files {
				if owner[target] != "" {
					return nil, fmt.Errorf("pins.json: %s of %s is in two packages, %s and %s; remove it from one", target, platform, owner[target], pin.Package)
				}
				owner[target] = pin.Package
			}
		}
	}
	return &p, nil
}

func (p pin) validate() error {
	if p.Package == "" || p.Version == "" || p.Size <= 0 || !sha256Pattern.MatchString(p.SHA256) || !sha1Pattern.MatchString(p.SHA1) {
		return fmt.Errorf("package, version, size, sha256 and sha1 are required; renew the pins with `%s`", updateCommand)
	}
	if !localPath(p.Path) || path.Ext(p.Path) != ".deb" {
		return fmt.Errorf("%q is no path of a package on a mirror", p.Path)
	}
	for target, source := range p.Files {
		if !localPath(target) || !localPath(source) {
			return fmt.Errorf("the file %q, from %q, leaves the image or the package", target, source)
		}
	}
	return nil
}

// localPath reports whether a path is relative, clean and below its root.
func localPath(p string) bool {
	return p != "" && p != "." && path.Clean(p) == p && !path.IsAbs(p) && p != ".." && !strings.HasPrefix(p, "../")
}

func (p *pins) platforms() []string { return slices.Sorted(maps.Keys(p.Platforms)) }

// of are the packages of a platform.
func (p *pins) of(platform string) ([]pin, error) {
	list, ok := p.Platforms[platform]
	if !ok {
		return nil, fmt.Errorf("no packages are pinned for the platform %s; choose from %s", platform, strings.Join(p.platforms(), ", "))
	}
	return list, nil
}
