package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Some tools fail here, when another push came first.
func TestUpdateRepeatsTheChangeWhenAnotherPushCameFirst(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"count": "0"})
	calls := 0
	_, changed, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		calls++
		if calls == 1 {
			push(t, url, map[string]string{"other": "came first"})
		}
		write(t, filepath.Join(dir, "count"), fmt.Sprint(calls))
		return "count", true, nil
	}, UpdateOptions{})
	if err != nil || !changed || calls != 2 {
		t.Fatalf("changed %v after %d calls, %v; want a second call on the new head", changed, calls, err)
	}
	r := clone(t, url, CloneOptions{})
	for path, want := range map[string]string{"count": "2", "other": "came first"} {
		if got, _ := os.ReadFile(filepath.Join(r.Dir, path)); string(got) != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
}

func TestUpdateKeepsTheChangesOfTwentyParallelPublishers(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]map[string]string{"a repository with a commit": {"list": ""}, "an empty repository": nil} {
		t.Run(name, func(t *testing.T) {
			url := remoteWith(t, start)
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
						old, err := os.ReadFile(filepath.Join(dir, "list"))
						if err != nil && !errors.Is(err, os.ErrNotExist) {
							return "", false, err
						}
						err = os.WriteFile(filepath.Join(dir, "list"), append(old, fmt.Sprintf("%d\n", i)...), 0o644)
						return fmt.Sprintf("publish %d", i), true, err
					}, UpdateOptions{Sparse: []string{"/list"}})
					if err != nil {
						t.Errorf("publisher %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			r := clone(t, url, CloneOptions{})
			got, _ := os.ReadFile(filepath.Join(r.Dir, "list"))
			for i := range 20 {
				if !strings.Contains("\n"+string(got), fmt.Sprintf("\n%d\n", i)) {
					t.Errorf("the entry of publisher %d is lost", i)
				}
			}
		})
	}
}

func TestUpdateWithNothingToDoCreatesNoCommit(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	before, _ := clone(t, url, CloneOptions{}).Head(t.Context())
	for name, mutate := range map[string]func(string) (string, bool, error){
		"mutate returns no change":        func(string) (string, bool, error) { return "", false, nil },
		"mutate writes the same content":  func(d string) (string, bool, error) { write(t, d+"/a", "1"); return "again", true, nil },
		"a dry run writes something else": nil,
	} {
		t.Run(name, func(t *testing.T) {
			o, want := UpdateOptions{}, false
			if mutate == nil {
				o.DryRun, want = true, true
				mutate = func(d string) (string, bool, error) { write(t, d+"/a", "2"); return "other", true, nil }
			}
			_, changed, err := Update(t.Context(), url, "main", mutate, o)
			if err != nil || changed != want {
				t.Fatalf("changed %v, %v; want %v", changed, err, want)
			}
			if after, _ := clone(t, url, CloneOptions{}).Head(t.Context()); after != before {
				t.Errorf("the remote moved from %.7s to %.7s", before, after)
			}
		})
	}
}

func TestUpdateGivesUpAfterItsAttempts(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	calls := 0
	_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		calls++
		push(t, url, map[string]string{"other": fmt.Sprint(calls)})
		write(t, dir+"/a", fmt.Sprint("mine ", calls))
		return "mine", true, nil
	}, UpdateOptions{Attempts: 3})
	if !errors.Is(err, ErrRejected) || calls != 3 {
		t.Errorf("%d calls, %v; want 3 and ErrRejected", calls, err)
	}
}

func TestAPushThatAHookDeclinesIsNotRepeated(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	write(t, url+"/hooks/pre-receive", "#!/bin/sh\necho no such branch for you >&2\nexit 1\n")
	if err := os.Chmod(url+"/hooks/pre-receive", 0o755); err != nil {
		t.Fatal(err)
	}
	calls := 0
	_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		calls++
		write(t, dir+"/a", "2")
		return "two", true, nil
	}, UpdateOptions{})
	if !errors.Is(err, ErrPushDenied) || calls != 1 {
		t.Errorf("%d calls, %v; want one and ErrPushDenied", calls, err)
	}
}
