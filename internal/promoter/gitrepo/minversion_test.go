package gitrepo

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func TestAGitThatIsTooOldIsNamedWithTheVersionThatIsRequired(t *testing.T) {
	t.Parallel()
	for printed, ok := range map[string]bool{
		"git version 2.34.0": true, "git version 2.39.5 (Apple Git-154)": true, "git version 3.0.1": true, "git version 2.45.1.windows.1": true, "something else": true,
		"git version 2.33.8": false, "git version 2.9.5": false, "git version 1.8.3.1": false,
	} {
		_, err := checkVersion(printed)
		if (err == nil) != ok || !ok && (!errors.Is(err, ErrTooOld) || !strings.Contains(err.Error(), MinVersion)) {
			t.Errorf("%s: %v", printed, err)
		}
	}
	err := classify(&commandError{verb: "add", Stderr: "error: unknown option `sparse'\nusage: git add [<options>]", err: errors.New("exit status 129")}, call{})
	if failure.Of(err) != failure.External || !strings.Contains(err.Error(), MinVersion) {
		t.Errorf("(%s) %v", failure.Of(err), err)
	}
}

// A git before 2.30 would report that no commit exists, and one before 2.31 would not get any credentials.
func TestNoCommandRunsWithAGitThatIsTooOld(t *testing.T) {
	r := history(t)
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]error{"2.25.1": ErrTooOld, "2.33.8": ErrTooOld, "2.34.1": nil} {
		dir := t.TempDir()
		calls := dir + "/calls"
		script := "#!/bin/sh\necho \"$1\" >>" + calls + "\nif [ \"$1\" = --version ]; then echo git version " + version + "; exit; fi\nexec " + real + " \"$@\"\n"
		if err := os.WriteFile(dir+"/git", []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		for what, err := range map[string]error{"open": second(Open(t.Context(), r.Dir, Options{})), "clone": second(Clone(t.Context(), r.Dir, t.TempDir()+"/c", CloneOptions{})), "head": second(r.Head(t.Context()))} {
			if !errors.Is(err, want) || want != nil && err.Error() != "git version "+version+": this git is too old: install git "+MinVersion+" or later" {
				t.Errorf("%s with git %s: %v, want %v", what, version, err, want)
			}
		}
		log, err := os.ReadFile(calls)
		if err != nil {
			t.Fatal(err)
		}
		// One that can be used is not asked again.
		if asked, all := strings.Count(string(log), "--version\n"), strings.Count(string(log), "\n"); want == nil && asked != 1 || want != nil && asked != all {
			t.Errorf("git %s is called with\n%s", version, log)
		}
	}
}
