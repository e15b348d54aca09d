package index

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"
)

// FuzzAdd adds a version to any index and asks Helm's YAML reader, which this package
// does not use, whether anything else changed.
func FuzzAdd(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.in")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "middle", "1.1.0")
		f.Add(text, "new", "0.1.0-dev.3.gabcdef0")
	}
	f.Fuzz(func(t *testing.T, index []byte, name, version string) {
		e := entry(name, version)
		out, changed, err := Add(index, e)
		var conflict *DigestConflictError
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrBadEntry) && !errors.As(err, &conflict) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		if !changed {
			if string(out) != string(index) {
				t.Fatal("changed, but reported as unchanged")
			}
			return
		}
		got, found, err := Lookup(out, e.Name, e.Version)
		if err != nil || !found || got.Digest != e.Digest || !got.Created.Equal(e.Created) || !slices.Equal(got.URLs, e.URLs) {
			t.Fatalf("Lookup: %+v %t %v", got, found, err)
		}
		if _, changed, err := Add(out, e); changed || err != nil {
			t.Fatalf("the second time: %t %v", changed, err)
		}
		onlyAdds(t, index, out, e)
	})
}

// onlyAdds compares an index before and after an entry was added as Helm's YAML reader reads it, and after the entry is removed again.
func onlyAdds(t *testing.T, index, out []byte, e Entry) {
	t.Helper()
	before, after := read(index), read(out)
	if before == nil {
		return // Helm could not read it before either
	}
	if after == nil {
		t.Fatalf("Helm can no longer read it:\n%s", out)
	}
	list, _ := after["entries"].(map[string]any)[e.Name].([]any)
	added := slices.IndexFunc(list, func(v any) bool {
		m, ok := v.(map[string]any)
		return ok && m["version"] == e.Version && m["digest"] == e.Digest
	})
	if added < 0 {
		t.Fatalf("Helm does not find it:\n%s", out)
	}
	after["entries"].(map[string]any)[e.Name] = slices.Delete(list, added, added+1)
	if got, want := comparable(after), comparable(before); !reflect.DeepEqual(got, want) {
		t.Fatalf("something else changed:\n%v\n%v", want, got)
	}
	removed, err := Remove(out, e.Name, e.Version)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := comparable(read(removed)), comparable(before); !reflect.DeepEqual(got, want) {
		t.Fatalf("after removing it something else is changed:\n%v\n%v", want, got)
	}
}

func read(index []byte) map[string]any {
	var v map[string]any
	if json.Valid(index) {
		_ = json.Unmarshal(index, &v)
	} else if sigsyaml.Unmarshal(index, &v) != nil {
		return nil
	}
	return v
}

// comparable is an index without its own time, without charts that have no
// version, and with each chart's versions in the order of their text.
func comparable(v map[string]any) map[string]any {
	delete(v, "generated")
	entries, _ := v["entries"].(map[string]any)
	delete(v, "entries")
	for name, list := range entries {
		list, _ := list.([]any)
		var texts []string
		for _, item := range list {
			text, _ := json.Marshal(item)
			texts = append(texts, string(text))
		}
		slices.Sort(texts)
		if len(texts) > 0 {
			v["/"+name] = texts
		}
	}
	return v
}
