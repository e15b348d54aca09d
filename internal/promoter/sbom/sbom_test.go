package sbom

import (
	"encoding/json"
	"regexp"
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
			{"linux/amd64", "sha256:" + strings.Repeat("01", 32), []Program{program("v0.1.0+x")}},
			{"linux/arm64", "sha256:" + strings.Repeat("02", 32), []Program{program("v0.1.0+x")}},
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
