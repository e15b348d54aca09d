package gitrepo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTheTopOfARepositoryIsAPath(t *testing.T) {
	t.Parallel()
	r := clone(t, remoteWith(t, map[string]string{"a": "1", "b/c": "2"}), CloneOptions{})
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.LastChange(t.Context(), "HEAD", "."); err != nil || got != head {
		t.Errorf("the last change of all is %q, %v; want %s", got, err, head)
	}
	write(t, r.Dir+"/a", "2")
	for path, want := range map[string]int{".": 1, "a": 1, "b": 0} {
		if got, err := r.DirtyFiles(t.Context(), path); err != nil || len(got) != want {
			t.Errorf("%s: %v, %v; want %d files that differ", path, got, err, want)
		}
	}
	if tree, err := r.Staged(t.Context(), "."); err != nil {
		t.Error(err)
	} else if list, err := r.Entries(t.Context(), tree, "."); err != nil || len(list) != 2 || list[1].Path != "b/c" {
		t.Errorf("%+v, %v", list, err)
	}
}

// Only a clone that is known to lack its history is to be cloned deeper.
func TestAFaultOfTheMachineIsNoShallowClone(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	r := clone(t, url, CloneOptions{})
	write(t, r.Dir+"/a", "2")
	if err := r.Add(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit(t.Context(), "second", Author{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	shallow, err := Clone(t.Context(), "file://"+url, filepath.Join(t.TempDir(), "shallow"), CloneOptions{Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shallow.LastChanged(t.Context(), "."); !errors.Is(err, ErrShallow) {
		t.Errorf("a clone of one commit: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := shallow.LastChanged(ended, "."); errors.Is(err, ErrShallow) || !errors.Is(err, context.Canceled) {
		t.Errorf("a run that ended: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(shallow.Dir, ".git")); err != nil {
		t.Fatal(err)
	}
	if _, err := shallow.LastChanged(t.Context(), "."); errors.Is(err, ErrShallow) || !errors.Is(err, ErrNotARepository) {
		t.Errorf("no repository: %v", err)
	}
}

func TestTheVersionsOfAFileAreThoseOfTheCommitsThatChangedIt(t *testing.T) {
	t.Parallel()
	r := clone(t, remoteWith(t, map[string]string{"a": "1", "b": "1"}), CloneOptions{})
	first, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{first: "1"}
	for _, change := range [][2]string{{"b", "2"}, {"a", "2"}, {"b", "3"}} {
		write(t, filepath.Join(r.Dir, change[0]), change[1])
		if err := r.Add(t.Context()); err != nil {
			t.Fatal(err)
		}
		hash, err := r.Commit(t.Context(), "change", Author{})
		if err != nil {
			t.Fatal(err)
		}
		if change[0] == "a" {
			want[hash] = change[1]
		}
	}
	got, err := r.FileVersions(t.Context(), "HEAD", 10, "a")
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	for hash, content := range want {
		if string(got[hash]) != content {
			t.Errorf("%.7s has %q, want %q", hash, got[hash], content)
		}
	}
	if none, err := r.FileVersions(t.Context(), "HEAD", 10, "c"); err != nil || len(none) > 0 {
		t.Errorf("a missing file: %v, %v", none, err)
	}
}
