package sbom

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func document() Document {
	program := func(version string) Program {
		return Program{Path: "/server", Go: "go1.26.1", Modules: []Module{{"example.com/server", "(devel)"}, {"golang.org/x/net", version}}}
	}
	return Document{
		Chart: "hello", Version: "1.2.0", Digest: strings.Repeat("ab", 32), Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Images: []Image{{Ref: "registry.example.com/hello:v1.2.0", Digest: "sha256:" + strings.Repeat("cd", 32), Platforms: []Platform{
			{Name: "linux/amd64", Digest: "sha256:" + strings.Repeat("01", 32), Programs: []Program{program("v0.1.0+x")}},
			{Name: "linux/arm64", Digest: "sha256:" + strings.Repeat("02", 32), Programs: []Program{program("v0.1.0+x")}},
		}}},
	}
}

func TestADocumentHasEachModuleOnceAndEveryRelationshipHasItsElements(t *testing.T) {
	text, err := document().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var s spdxDocument
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.SPDXVersion != "SPDX-2.3" || s.CreationInfo.Created != "2026-01-02T03:04:05Z" || len(s.CreationInfo.Creators) != 1 {
		t.Errorf("%+v", s)
	}
	pattern, ids := regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`), map[string]bool{documentID: true}
	names := map[string]int{}
	for _, p := range s.Packages {
		if ids[p.SPDXID] || !pattern.MatchString(p.SPDXID) || p.Name == "" || p.DownloadLocation == "" {
			t.Errorf("%+v", p)
		}
		ids[p.SPDXID] = true
		names[p.Name]++
		for _, r := range p.ExternalRefs {
			if strings.Contains(r.Locator, "+") {
				t.Errorf("purl %s", r.Locator)
			}
		}
	}
	if names["golang.org/x/net"] != 1 || names["/server"] != 2 || names["stdlib"] != 1 || names["hello"] != 1 || len(s.Packages) != 9 {
		t.Errorf("%d packages: %v", len(s.Packages), names)
	}
	for _, r := range s.Relationships {
		if !ids[r.Element] || !ids[r.Related] {
			t.Errorf("%+v", r)
		}
	}
	if again, _ := document().JSON(); string(again) != string(text) {
		t.Error("the same document has other bytes")
	}
}

func TestDifferentNamesHaveDifferentIDs(t *testing.T) {
	if a, b := id("go", "a/b", "c"), id("go", "a", "b/c"); a == b {
		t.Errorf("both are %s", a)
	}
	if a, b := id("go", "a-2fb"), id("go", "a/b"); a == b {
		t.Errorf("both are %s", a)
	}
}

func TestADocumentHasThePackagesOfAnImageAndWhereTheirSourcesAre(t *testing.T) {
	d := document()
	d.Images[0].Platforms[0].Packages = []Package{
		{Name: "libzmq5", Version: "4.3.5-1+b8", Architecture: "amd64", Source: "zeromq3 (4.3.5-1)"},
		{Name: "libc6", Version: "2.43-7", Architecture: "amd64", Source: "glibc"}, {Name: "zlib1g", Version: "1:1.3"},
	}
	text, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var s spdxDocument
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	got := map[string][2]string{}
	for _, p := range s.Packages {
		if p.SourceInfo != "" {
			got[p.Name] = [2]string{p.ExternalRefs[0].Locator, p.SourceInfo}
		}
	}
	want := map[string][2]string{
		"libzmq5": {"pkg:deb/debian/libzmq5@4.3.5-1%2Bb8?arch=amd64", "built package from: zeromq3 4.3.5-1"},
		"libc6":   {"pkg:deb/debian/libc6@2.43-7?arch=amd64", "built package from: glibc 2.43-7"},
		"zlib1g":  {"pkg:deb/debian/zlib1g@1%3A1.3", "built package from: zlib1g 1:1.3"},
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheToolchainsOfAnImageAreThoseOfAllItsProgramsEachOnce(t *testing.T) {
	compiledBy := func(versions ...string) (p Platform) {
		for _, v := range versions {
			p.Programs = append(p.Programs, Program{Path: "/" + v, Go: v})
		}
		return p
	}
	i := Image{Platforms: []Platform{compiledBy("go1.26.2", "", "go1.26.1"), compiledBy("go1.26.2", "go1.25.9")}}
	if got, want := i.Toolchains(), []string{"go1.25.9", "go1.26.1", "go1.26.2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
