// Package sbom writes what a chart and its images consist of as an SPDX document. It is pure.
package sbom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Document describes a chart.
type Document struct {
	Chart, Version string
	// Digest is the SHA-256 of the package, 64 hex digits.
	Digest  string
	Created time.Time
	Images  []Image
}

// Image is an image of a chart.
type Image struct {
	// Ref is its whole name, Digest sha256:….
	Ref, Digest string
	Platforms   []Platform
}

// Toolchains are the versions of Go that compiled the programs of an image, in order, each once.
func (i Image) Toolchains() (versions []string) {
	for _, platform := range i.Platforms {
		for _, program := range platform.Programs {
			if program.Go != "" {
				versions = append(versions, program.Go)
			}
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// Platform is the content of an image for one platform.
type Platform struct {
	// Name such as linux/amd64, Digest of its manifest, sha256:….
	Name, Digest string
	Programs     []Program
	Packages     []Package
}

// Package is a package of Debian, of which an image has files.
type Package struct {
	Name, Version, Architecture string
	// Source is the source package, with its version in parentheses if that differs; empty if both are those of the package.
	Source string
}

// purl is the package's URL.
func (p Package) purl() string {
	url := "pkg:deb/debian/" + strings.ReplaceAll(p.Name, "+", "%2B") + "@" + strings.NewReplacer("+", "%2B", ":", "%3A").Replace(p.Version)
	if p.Architecture == "" {
		return url
	}
	return url + "?arch=" + p.Architecture
}

// source describes the source package in words, which is what its license is for.
func (p Package) source() string {
	name, version, found := strings.Cut(p.Source, " ")
	if name == "" {
		name = p.Name
	}
	if !found {
		version = p.Version
	}
	return "built package from: " + name + " " + strings.Trim(version, "()")
}

// Program is a Go program in an image. Files that are neither programs of Go nor of a package are not described.
type Program struct {
	Path string
	// Go is the version of the toolchain, such as go1.26.1.
	Go      string
	Modules []Module
}

// Module is a Go module that a program contains.
type Module struct{ Path, Version string }

// purl is the module's package URL. A program that was not built from the module's own release has no version.
func (m Module) purl() string {
	url := "pkg:golang/" + m.Path
	if m.Version == "" || m.Version == "(devel)" {
		return url
	}
	return url + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
}

type spdxDocument struct {
	SPDXVersion       string         `json:"spdxVersion"`
	DataLicense       string         `json:"dataLicense"`
	SPDXID            string         `json:"SPDXID"`
	Name              string         `json:"name"`
	DocumentNamespace string         `json:"documentNamespace"`
	CreationInfo      creationInfo   `json:"creationInfo"`
	Packages          []spdxPackage  `json:"packages"`
	Relationships     []relationship `json:"relationships"`
	ids               map[string]bool
}

type creationInfo struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	SPDXID           string        `json:"SPDXID"`
	Name             string        `json:"name"`
	Version          string        `json:"versionInfo,omitempty"`
	DownloadLocation string        `json:"downloadLocation"`
	SourceInfo       string        `json:"sourceInfo,omitempty"`
	FilesAnalyzed    bool          `json:"filesAnalyzed"`
	Purpose          string        `json:"primaryPackagePurpose,omitempty"`
	Checksums        []checksum    `json:"checksums,omitempty"`
	ExternalRefs     []externalRef `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const documentID = "SPDXRef-DOCUMENT"

// JSON is the document in the JSON form of SPDX 2.3. The same document gives the same bytes.
func (d Document) JSON() ([]byte, error) {
	s := &spdxDocument{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: documentID, Name: d.Chart + "-" + d.Version,
		DocumentNamespace: "https://github.com/christianb93/bitcoin-controller/sbom/" + d.Chart + "-" + d.Version + "-" + d.Digest,
		CreationInfo:      creationInfo{d.Created.UTC().Format("2006-01-02T15:04:05Z"), []string{"Tool: chart-promoter"}},
		Relationships:     []relationship{}, ids: map[string]bool{},
	}
	chart := s.add(documentID, "DESCRIBES", spdxPackage{SPDXID: id("chart", d.Chart), Name: d.Chart, Version: d.Version, Checksums: sha256(d.Digest)})
	for _, i := range d.Images {
		image := s.add(chart, "DEPENDS_ON", spdxPackage{SPDXID: id("image", i.Digest), Name: i.Ref, Version: i.Digest, Purpose: "CONTAINER", Checksums: sha256(i.Digest)})
		for _, p := range i.Platforms {
			s.addPlatform(image, i, p)
		}
	}
	return json.Marshal(s)
}

func (s *spdxDocument) addPlatform(image string, i Image, p Platform) {
	platform := s.add(image, "CONTAINS", spdxPackage{SPDXID: id("image", p.Digest), Name: i.Ref + " for " + p.Name, Version: p.Digest, Purpose: "CONTAINER", Checksums: sha256(p.Digest)})
	for _, program := range p.Programs {
		from := s.add(platform, "CONTAINS", spdxPackage{SPDXID: id("program", p.Digest, program.Path), Name: program.Path, Purpose: "APPLICATION"})
		modules := append(slices.Clone(program.Modules), Module{"stdlib", strings.TrimPrefix(program.Go, "go")})
		slices.SortFunc(modules, func(a, b Module) int { return cmp.Compare(a.Path+"@"+a.Version, b.Path+"@"+b.Version) })
		for _, m := range modules {
			s.add(from, "CONTAINS", spdxPackage{
				SPDXID: id("go", m.Path, m.Version), Name: m.Path, Version: m.Version, Purpose: "LIBRARY",
				ExternalRefs: []externalRef{{"PACKAGE-MANAGER", "purl", m.purl()}},
			})
		}
	}
	packages := slices.SortedFunc(slices.Values(p.Packages), func(a, b Package) int { return cmp.Compare(a.Name, b.Name) })
	for _, pkg := range packages {
		s.add(platform, "CONTAINS", spdxPackage{
			SPDXID: id("deb", pkg.Name, pkg.Version, pkg.Architecture), Name: pkg.Name, Version: pkg.Version, SourceInfo: pkg.source(),
			ExternalRefs: []externalRef{{"PACKAGE-MANAGER", "purl", pkg.purl()}},
		})
	}
}

// add adds a package once, with its relationship to another one, and returns its ID.
func (s *spdxDocument) add(from, kind string, p spdxPackage) string {
	p.DownloadLocation = "NOASSERTION"
	if !s.ids[p.SPDXID] {
		s.ids[p.SPDXID] = true
		s.Packages = append(s.Packages, p)
	}
	if r := (relationship{from, kind, p.SPDXID}); !slices.Contains(s.Relationships, r) {
		s.Relationships = append(s.Relationships, r)
	}
	return p.SPDXID
}

func sha256(digest string) []checksum {
	return []checksum{{"SHA256", strings.TrimPrefix(digest, "sha256:")}}
}

// id is an identifier, which may have letters, digits, dots and hyphens. Other characters become their code, so that no two names are the same.
func id(parts ...string) string {
	var b strings.Builder
	b.WriteString("SPDXRef")
	for _, part := range parts {
		b.WriteString("-")
		for _, c := range []byte(part) {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "-%02x", c)
			}
		}
	}
	return b.String()
}
