package index

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/repo"
	repo4 "helm.sh/helm/v4/pkg/repo/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

var update = flag.Bool("update", false, "update the golden files")

var day = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func entry(name, version string) Entry {
	return Entry{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: name, Version: version, AppVersion: "0123456", Description: "a \"chart\": with # all\nthat needs quotes"},
		URLs:     []string{name + "-" + version + ".tgz"}, Created: day, Digest: digest(version),
	}
}

func digest(seed string) string { return fmt.Sprintf("%064x", seed)[:64] }

func add(t testing.TB, index []byte, e Entry) []byte {
	t.Helper()
	out, changed, err := Add(index, e)
	if err != nil || !changed {
		t.Fatalf("changed %t, error %v", changed, err)
	}
	return out
}

// load reads an index as Helm does, strictly, and checks that both majors read the same.
func load(t testing.TB, index []byte) *repo.IndexFile {
	t.Helper()
	file := filepath.Join(t.TempDir(), "index.yaml")
	if err := os.WriteFile(file, index, 0o644); err != nil {
		t.Fatal(err)
	}
	i, err := repo.LoadIndexFile(file)
	if err != nil {
		t.Fatalf("Helm cannot read it: %v\n%s", err, index)
	}
	i4, err := repo4.LoadIndexFile(file)
	if err != nil || len(i4.Entries) != len(i.Entries) {
		t.Fatalf("Helm 4 reads %d charts, Helm 3 %d: %v\n%s", len(i4.Entries), len(i.Entries), err, index)
	}
	for name, versions := range i.Entries {
		if len(i4.Entries[name]) != len(versions) {
			t.Errorf("of %s Helm 4 reads %d versions, Helm 3 %d", name, len(i4.Entries[name]), len(versions))
		}
	}
	return i
}

// Each golden file is the result of adding 1.1.0 of "middle" to an index in
// some form: only that entry and the time of the index are new.
func TestAddKeepsEveryByteOfExistingEntries(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.in")
	if len(files) < 8 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := add(t, in, entry("middle", "1.1.0"))
			golden := strings.TrimSuffix(file, ".in") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, _ := os.ReadFile(golden)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
			e, found, err := Lookup(got, "middle", "1.1.0")
			if err != nil || !found || e.Digest != digest("1.1.0") || !e.Created.Equal(day) || e.Description != "a \"chart\": with # all that needs quotes" {
				t.Errorf("the new entry is %+v %t %v", e, found, err)
			}
			if strings.Contains(file, "unknown") {
				return // Helm does not read fields it does not know
			}
			before, after := load(t, in), load(t, got)
			var rest repo.ChartVersions
			for _, v := range after.Entries["middle"] {
				if v.Version != "1.1.0" {
					rest = append(rest, v)
				}
			}
			if len(rest) == 0 && before.Entries["middle"] == nil {
				delete(after.Entries, "middle")
			} else if after.Entries["middle"] = rest; rest == nil {
				after.Entries["middle"] = before.Entries["middle"]
			}
			after.Generated = before.Generated
			if before.Entries == nil {
				before.Entries = map[string]repo.ChartVersions{}
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("Helm reads something else changed:\n%s", diff)
			}
			removed, err := Remove(got, "middle", "1.1.0")
			if err != nil {
				t.Fatal(err)
			}
			if again := add(t, removed, entry("middle", "1.1.0")); string(again) != string(got) {
				t.Errorf("removed and added again it is\n%s", again)
			}
		})
	}
}

func TestAddNeverOverwritesAVersion(t *testing.T) {
	index := add(t, nil, entry("a", "1.0.0"))
	other := entry("a", "1.0.0")
	other.Digest = digest("other")
	out, changed, err := Add(index, other)
	var conflict *DigestConflictError
	if !errors.As(err, &conflict) || changed || out != nil {
		t.Fatalf("got %v", err)
	}
	if want := (DigestConflictError{"a", "1.0.0", digest("1.0.0"), digest("other")}); *conflict != want {
		t.Errorf("got %+v", conflict)
	}
	same := entry("a", "1.0.0")
	same.Created = day.Add(time.Hour)
	out, changed, err = Add(index, same)
	if err != nil || changed || string(out) != string(index) {
		t.Errorf("the same again: changed %t, %v", changed, err)
	}
}

func TestAddAddsAPrereleaseOnce(t *testing.T) {
	index := add(t, nil, entry("a", "1.0.0-rc.1"))
	for range 3 {
		index, _, _ = Add(index, entry("a", "1.0.0-rc.1"))
	}
	if n := len(load(t, index).Entries["a"]); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestVersionsAreComparedAsStringsNotAsConstraints(t *testing.T) {
	index := add(t, nil, entry("a", "0.8.1"))
	if _, found, err := Lookup(index, "a", "0.8"); found || err != nil {
		t.Errorf("0.8 is found where only 0.8.1 is: %v", err)
	}
	index = add(t, index, entry("a", "0.8"))
	if n := len(load(t, index).Entries["a"]); n != 2 {
		t.Errorf("%d entries", n)
	}
}

func TestLatestIncludesPrereleasesOnlyOnRequest(t *testing.T) {
	index := add(t, add(t, add(t, nil, entry("a", "1.0.0")), entry("a", "1.0.1-dev.1.gabcdef0")), entry("b", "2.0.0-rc.1"))
	for name, c := range map[string]struct {
		chart      string
		prerelease bool
		want       string
	}{
		"the last release":          {"a", false, "1.0.0"},
		"the last of all":           {"a", true, "1.0.1-dev.1.gabcdef0"},
		"a chart without a release": {"b", false, ""},
		"an unknown chart":          {"c", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, found, err := Latest(index, c.chart, c.prerelease)
			if err != nil || found != (c.want != "") || found && e.Version != c.want {
				t.Errorf("got %+v %t %v", e, found, err)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	index := add(t, add(t, add(t, nil, entry("a", "1.0.0")), entry("a", "1.1.0")), entry("b", "1.0.0"))
	left, err := Remove(index, "a", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, left); len(got.Entries["a"]) != 1 || len(got.Entries["b"]) != 1 {
		t.Errorf("left are %v", got.Entries)
	}
	for _, e := range []Entry{entry("a", "1.1.0"), entry("b", "1.0.0")} {
		if left, err = Remove(left, e.Name, e.Version); err != nil {
			t.Fatal(err)
		}
	}
	if got := load(t, left); len(got.Entries) != 0 {
		t.Errorf("left are %v", got.Entries)
	}
	for _, c := range [][2]string{{"a", "9.9.9"}, {"c", "1.0.0"}} {
		if _, err := Remove(index, c[0], c[1]); !errors.Is(err, ErrNone) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// Other tools write versions as their tags are.
func TestRemoveTakesAVersionAsItIsWritten(t *testing.T) {
	index := []byte("apiVersion: v1\nentries:\n  a:\n  - {name: a, version: v1.8.0, urls: [a-v1.8.0.tgz]}\n  - name: a\n    version: 1.7.0\n    urls: [a-1.7.0.tgz]\n")
	left, err := Remove(index, "a", "v1.8.0")
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, left).Entries["a"]; len(got) != 1 || got[0].Version != "1.7.0" {
		t.Errorf("left are %v", got)
	}
	if strings.Contains(string(left), "1.8.0") {
		t.Errorf("left is\n%s", left)
	}
}

func TestACorruptIndexIsRejected(t *testing.T) {
	good := string(add(t, add(t, nil, entry("a", "1.0.0")), entry("a", "1.1.0")))
	half := good[:strings.Index(good, "digest")+3]
	cases := map[string]string{
		"marks of a merge conflict":   strings.Replace(good, "  - api", "<<<<<<< HEAD\n  - api", 1),
		"an end in the middle":        half,
		"a page instead of an index":  "<!DOCTYPE html><html><body>404: not found</body></html>",
		"another YAML file":           "apples: [1]\n",
		"no apiVersion":               "entries: {}\n",
		"no apiVersion, JSON":         `{"entries":{}}`,
		"a list":                      "- a\n- b\n",
		"JSON of another kind":        `[1,2]`,
		"entries that are a list":     "apiVersion: v1\nentries:\n- a\n",
		"a chart that is a string":    "apiVersion: v1\nentries:\n  a: b\n",
		"a chart twice":               "apiVersion: v1\nentries:\n  a:\n  - version: 1.0.0\n  a:\n  - version: 1.0.0\n",
		"entries twice":               "apiVersion: v1\nentries: {}\nentries: {}\n",
		"entries twice, JSON":         `{"apiVersion":"v1","entries":{},"entries":{}}`,
		"a chart that is null, JSON ": `{"apiVersion":"v1","entries":{"a":"b"}}`,
		"binary":                      "\x00\x01\x02",
		"two documents":               "apiVersion: v1\nentries: {}\n---\napiVersion: v1\nentries: {}\n",
		"aliases without end":         "apiVersion: v1\nentries: &a {b: *a}\n",
		"aliases of aliases":          aliases(),
	}
	for name, index := range cases {
		t.Run(name, func(t *testing.T) {
			if out, _, err := Add([]byte(index), entry("a", "2.0.0")); !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v and\n%s", err, out)
			}
			if _, _, err := Lookup([]byte(index), "a", "1.0.0"); !errors.Is(err, ErrCorrupt) {
				t.Errorf("Lookup: %v", err)
			}
		})
	}
}

// aliases is a chart whose entry has a hundred million values in eight lines.
func aliases() string {
	text := "apiVersion: v1\nentries:\n  a:\n  - version: 1.0.0\n    x0: &x0 x\n"
	for i := range 8 {
		text += fmt.Sprintf("    x%d: &x%[1]d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i), 10), ", "))
	}
	return text
}

func TestABadEntryIsRejected(t *testing.T) {
	cases := map[string]func(e *Entry){
		"no metadata":        func(e *Entry) { e.Metadata = nil },
		"no name":            func(e *Entry) { e.Name = "" },
		"no version":         func(e *Entry) { e.Version = "one" },
		"no address":         func(e *Entry) { e.URLs = nil },
		"no digest":          func(e *Entry) { e.Digest = "" },
		"half of a digest":   func(e *Entry) { e.Digest = e.Digest[:32] },
		"digest with sha256": func(e *Entry) { e.Digest = "sha256:" + e.Digest },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			e := entry("a", "1.0.0")
			spoil(&e)
			if _, _, err := Add(nil, e); !errors.Is(err, ErrBadEntry) {
				t.Errorf("got %v", err)
			}
		})
	}
}
