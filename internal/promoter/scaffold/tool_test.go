package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCloneChecksOutTheCommitOfAVersion(t *testing.T) {
	for version, commit := range map[string]string{
		"v1.2.3":                                   "v1.2.3",
		"v1.2.3-rc1":                               "v1.2.3-rc1",
		"v0.0.0-20261128140620-a1642d09c2b0":       "a1642d09c2b0",
		"v1.2.4-0.20261128140620-a1642d09c2b0":     "a1642d09c2b0",
		"v1.2.3-rc1.0.20261128140620-a1642d09c2b0": "a1642d09c2b0",
	} {
		if fetch, _ := clone(version); !strings.HasSuffix(fetch, " checkout --quiet --detach "+commit+" && ") {
			t.Errorf("%s: %s", version, fetch)
		}
	}
}

// The command that finds the latest version is run in a repository with the tags of both modules, and in one without tags.
func TestLatestIsTheLastVersionTagOfTheTool(t *testing.T) {
	dir := t.TempDir()
	shell := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	latest := "echo " + strings.ReplaceAll(latestTag, toolClone, filepath.ToSlash(dir))
	shell("git init -q && git commit -q --allow-empty -m one")
	if got := shell(latest); got != "HEAD" {
		t.Errorf("without tags: %s", got)
	}
	shell("git tag v1.0.0 && git commit -q --allow-empty -m two && git tag v1.1.0 && git commit -q --allow-empty -m three && git tag pkg/v1.2.0")
	if got := shell(latest); got != "v1.1.0" {
		t.Errorf("with tags: %s", got)
	}
}
