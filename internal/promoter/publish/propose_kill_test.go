package publish

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/testseed"
)

// proposals is a target whose changes are branches for pull requests.
func proposals(t testing.TB) Config {
	t.Helper()
	cfg := Config{Git: bare(t), Branch: "main", Path: "docs", Head: headOf}
	commitFile(t, cfg.Git, "README.md", "# Charts")
	return cfg
}

func headOf(message string) string {
	return "proposed/" + strings.ReplaceAll(strings.ToLower(message), " ", "-")
}

// proposed is what each branch for a pull request changes, and in how many commits.
func proposed(t testing.TB, cfg Config) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, line := range strings.Fields(gitIn(t, cfg.Git, "for-each-ref", "--format=%(refname:short)", "refs/heads/proposed")) {
		commits := strings.TrimSpace(gitIn(t, cfg.Git, "rev-list", "--count", "main.."+line))
		all[line] = commits + " " + gitIn(t, cfg.Git, "diff", "--stat=300", "main", line)
	}
	return all
}

// Publishers of a pull request are killed at random moments and run again: PUBLISH_KILLS times, default 3.
func TestAPullRequestOfAKilledPublisher(t *testing.T) {
	t.Parallel()
	kills, random := 3, testseed.New(t)
	if n, err := strconv.Atoi(os.Getenv("PUBLISH_KILLS")); err == nil {
		kills = n
	}
	whole, begin := proposals(t), time.Now()
	if err := proposeAll(t.Context(), whole, t.TempDir(), func() { begin = time.Now() }); err != nil {
		t.Fatal(err)
	}
	takes, want := time.Since(begin), proposed(t, whole)
	for done := 0; done < kills; {
		cfg := proposals(t)
		for finished := false; !finished; {
			killed := false
			if finished, killed = killOnce(t, cfg, time.Duration(random.Int64N(int64(takes)))); killed {
				done++
			}
			for branch, change := range proposed(t, cfg) {
				if want[branch] != change {
					t.Fatalf("%s is\n%s", branch, change)
				}
			}
			if done >= kills && !finished {
				if err := proposeAll(t.Context(), cfg, t.TempDir(), func() {}); err != nil {
					t.Fatal(err)
				}
				finished = true
			}
		}
		if diff := cmp.Diff(want, proposed(t, cfg)); diff != "" {
			t.Fatal(diff)
		}
	}
}
