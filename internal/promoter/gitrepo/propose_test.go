package gitrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// set returns a change that writes one file.
func set(t *testing.T, name, content string) func(string) (string, bool, error) {
	return func(dir string) (string, bool, error) {
		write(t, filepath.Join(dir, name), content)
		return "Set " + name + "\n\nbody\n", true, nil
	}
}

func (r *Repo) at(t *testing.T, ref, path string) string {
	t.Helper()
	data, err := r.File(t.Context(), ref, path)
	if err != nil && !errors.Is(err, ErrNoRef) {
		t.Fatal(err)
	}
	return string(data)
}

func TestAProposalIsOneCommitOnABranchOfItsOwn(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	bare := &Repo{Dir: url}
	propose := func(content string) Proposal {
		t.Helper()
		p, err := Propose(t.Context(), url, "", "up/a", set(t, "a", content), UpdateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := propose("2")
	if !first.Waiting || !first.Pushed || first.Base != "main" || bare.at(t, "refs/heads/up/a", "a") != "2" || bare.at(t, "refs/heads/main", "a") != "1" {
		t.Errorf("first: %+v", first)
	}
	if same := propose("2"); same.Pushed || !same.Waiting || same.Commit != first.Commit {
		t.Errorf("again: %+v, want the commit %s and no push", same, first.Commit)
	}
	other := propose("3")
	if n, err := bare.Count(t.Context(), "refs/heads/main", "refs/heads/up/a"); err != nil || n != 1 || !other.Pushed || bare.at(t, "refs/heads/up/a", "a") != "3" {
		t.Errorf("another change: %+v, %d commits, %v", other, n, err)
	}
	push(t, url, map[string]string{"b": "moved"})
	if moved := propose("3"); !moved.Pushed || bare.at(t, "refs/heads/up/a", "b") != "moved" {
		t.Errorf("after the base has moved: %+v", moved)
	}
	if _, err := bare.git(t.Context(), "update-ref", "refs/heads/main", "refs/heads/up/a"); err != nil {
		t.Fatal(err)
	}
	head, _ := bare.Resolve(t.Context(), "refs/heads/main")
	if merged := propose("3"); merged.Waiting || merged.Pushed || merged.Commit != head {
		t.Errorf("merged: %+v", merged)
	}
}

func TestADryProposalPushesNothing(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	p, err := Propose(t.Context(), url, "main", "up/a", set(t, "a", "2"), UpdateOptions{DryRun: true})
	if err != nil || !p.Waiting || !p.Pushed {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := (&Repo{Dir: url}).Resolve(t.Context(), "refs/heads/up/a"); !errors.Is(err, ErrNoRef) {
		t.Errorf("the branch exists: %v", err)
	}
}

func TestAProposalForABranchWithoutACommitIsRejected(t *testing.T) {
	t.Parallel()
	_, err := Propose(t.Context(), remoteWith(t, nil), "main", "up/a", set(t, "a", "2"), UpdateOptions{})
	if !errors.Is(err, ErrNoBase) || failure.Of(err) != failure.BadInput {
		t.Errorf("%v", err)
	}
}

func TestTheAddressThatAServerPrintsIsKept(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	write(t, url+"/hooks/post-receive", "#!/bin/sh\necho 'Create a pull request by visiting:' >&2\necho '  https://git.example.com/new/up-a' >&2\n")
	if err := os.Chmod(url+"/hooks/post-receive", 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := Propose(t.Context(), url, "main", "up/a", set(t, "a", "2"), UpdateOptions{})
	if err != nil || p.Link != "https://git.example.com/new/up-a" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTwentyParallelProposalsAllWait(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			head := fmt.Sprintf("up/%d", i/2) // two for each branch, with the same change
			p, err := Propose(t.Context(), url, "main", head, set(t, "a", head), UpdateOptions{Sparse: []string{"/a"}})
			if err != nil || !p.Waiting {
				t.Errorf("%s: %+v, %v", head, p, err)
			}
		})
	}
	wg.Wait()
	bare := &Repo{Dir: url}
	for i := range 10 {
		head := fmt.Sprintf("up/%d", i)
		if got := bare.at(t, "refs/heads/"+head, "a"); !strings.HasPrefix(got, head) {
			t.Errorf("%s holds %q", head, got)
		}
	}
}

func TestAProposalSeesAsManyCommitsAsAnUpdate(t *testing.T) {
	t.Parallel()
	url := remoteWith(t, map[string]string{"a": "1"})
	for _, content := range []string{"2", "3", "4"} {
		push(t, url, map[string]string{"a": content})
	}
	for _, c := range []struct {
		o    UpdateOptions
		want int
	}{{UpdateOptions{}, 1}, {UpdateOptions{Depth: 2}, 2}, {UpdateOptions{Depth: 50}, 4}, {UpdateOptions{Depth: 2, History: true}, 4}} {
		for name, change := range map[string]func(func(string) (string, bool, error)) error{
			"update": func(m func(string) (string, bool, error)) error {
				_, _, err := Update(t.Context(), url, "main", m, c.o)
				return err
			},
			"proposal": func(m func(string) (string, bool, error)) error {
				_, err := Propose(t.Context(), url, "main", "up/a", m, c.o)
				return err
			},
		} {
			seen := 0
			err := change(func(dir string) (string, bool, error) {
				log, err := (&Repo{Dir: dir}).Log(t.Context(), "HEAD", 0)
				seen = len(log)
				return "", false, err
			})
			if err != nil || seen != c.want {
				t.Errorf("%s with %+v: %d commits, %v; want %d", name, c.o, seen, err, c.want)
			}
		}
	}
}
