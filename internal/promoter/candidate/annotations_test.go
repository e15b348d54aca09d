package candidate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

func TestTheChangesOfArtifactHubAreThoseOfTheCommits(t *testing.T) {
	t.Parallel()
	var log []gitrepo.Entry
	for _, s := range []string{
		"feat(api)!: drop v1", "fix: a leak: and more", "docs: typo", "chore(deps): bump x", "Merge pull request #7", "Repair the clock", "perf: \"quoted\" #1", "odd: type", "ci!: needs a runner",
	} {
		log = append(log, gitrepo.Entry{Subject: s})
	}
	want := "- description: drop v1\n  kind: changed\n- description: 'a leak: and more'\n  kind: fixed\n- description: Repair the clock\n  kind: changed\n" +
		"- description: '\"quoted\" #1'\n  kind: changed\n- description: 'odd: type'\n  kind: changed\n- description: needs a runner\n  kind: changed"
	if d := cmp.Diff(want, ChangesText(log)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := ChangesText(nil); got != "[]" {
		t.Errorf("without commits: %q", got)
	}
}
