package publish

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// proposing is a target whose changes go to branches for pull requests; its branch main has a commit.
func proposing(t *testing.T) Config {
	t.Helper()
	cfg := Config{Git: bare(t), Branch: "main", Page: landingPage}
	if _, _, err := gitrepo.Update(t.Context(), cfg.Git, "main", func(dir string) (string, bool, error) {
		return "first", true, os.WriteFile(filepath.Join(dir, "README.md"), []byte("charts\n"), 0o644)
	}, gitrepo.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	cfg.Head = func(message string) string {
		subject, _, _ := strings.Cut(message, "\n")
		return "up/" + strings.ReplaceAll(subject, " ", "-")
	}
	return cfg
}

func TestAPackageWaitsOnABranchUntilItIsMerged(t *testing.T) {
	t.Parallel()
	cfg, i := proposing(t), item(t, "1.0.0")
	first, err := open(t, cfg).Publish(t.Context(), i)
	if err != nil || !first.Changed || first.Proposal == nil || !first.Proposal.Waiting || first.Proposal.Head != "up/Publish-operator-1.0.0" {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, found, err := open(t, cfg).Lookup(t.Context(), "operator", "1.0.0"); found || err != nil {
		t.Errorf("it is published before it is merged: %v, %v", found, err)
	}
	i.Created = i.Created.Add(time.Hour)
	again, err := open(t, cfg).Publish(t.Context(), i)
	if err != nil || again.Changed || again.Commit != first.Commit || !again.Proposal.Waiting {
		t.Errorf("again: %+v, %v; want the commit %s", again, err, first.Commit)
	}
	for _, p := range []*gitrepo.Proposal{first.Proposal, again.Proposal} {
		if got := strings.TrimSpace(p.Message); got != "Publish operator 1.0.0" {
			t.Errorf("the pull request has the message %q", got)
		}
	}
	if out, err := exec.Command("git", "-C", cfg.Git, "update-ref", "refs/heads/main", first.Commit).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	merged, err := open(t, cfg).Publish(t.Context(), i)
	if err != nil || merged.Changed || merged.Proposal.Waiting {
		t.Errorf("merged: %+v, %v", merged, err)
	}
	if _, found, err := open(t, cfg).Lookup(t.Context(), "operator", "1.0.0"); !found || err != nil {
		t.Errorf("it is not published: %v", err)
	}
}

func TestTwentyPublishersHaveABranchEach(t *testing.T) {
	t.Parallel()
	cfg := proposing(t)
	var all sync.WaitGroup
	for n := range 20 {
		i := item(t, fmt.Sprintf("1.%d.0", n/2)) // two publishers of each version
		all.Go(func() {
			if r, err := open(t, cfg).Publish(t.Context(), i); err != nil || r.Proposal == nil || !r.Proposal.Waiting {
				t.Errorf("%s: %+v, %v", i.Package.Version, r, err)
			}
		})
	}
	all.Wait()
	for n := range 10 {
		branch := fmt.Sprintf("up/Publish-operator-1.%d.0", n)
		dir := filepath.Join(t.TempDir(), "checkout")
		if _, err := gitrepo.Clone(t.Context(), cfg.Git, dir, gitrepo.CloneOptions{Branch: branch}); err != nil {
			t.Fatal(err)
		}
		everyArchiveMatches(t, dir, 1)
	}
}
