package step

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// The values of the chart have Windows line ends.
func TestSettingsOfAUsersGitChangeNoCandidate(t *testing.T) {
	created := func() map[string]string {
		w := withoutBuild(t)
		w.tag("v1.0.0")
		dry := *w.p
		dry.DryRun = true
		preview, err := Bump(t.Context(), &dry)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Bump(t.Context(), w.p); err != nil {
			t.Fatal(err)
		}
		c, err := w.p.candidates().Open(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		// One of the settings rejects a repository without a work tree that is not named.
		candidates := func(args ...string) string { return git(t, "", append([]string{"--git-dir=" + w.qa}, args...)...) }
		commit := candidates("cat-file", "commit", "main")
		_, message, _ := strings.Cut(commit, "\n\n")
		return map[string]string{
			"diff": preview.Diff, "package": c.Package.Digest, "version": c.Package.Version, "source": c.SourceCommit, "message": message,
			"tree": candidates("ls-tree", "-r", "main"),
		}
	}
	want := created()
	testtools.UseGitSettings(t)
	if d := cmp.Diff(want, created()); d != "" {
		t.Errorf("with global settings (-without +with):\n%s", d)
	}
}
