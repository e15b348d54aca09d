package cli

import (
	"strings"
	"testing"
)

// These tests cover common mistakes of shell scripts for such pipelines, from the commit to the chart repository.

func TestBumpChangesTheChartsOwnVersionsOnly(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	const chart = "apiVersion: v2\nname: hello # version: of the name\nversion: 0.0.1\nappVersion: dev\nkubeVersion: \">=1.20.0-0\"\ndependencies:\n- name: part\n  version: 0.0.1\n  repository: file://../part\n"
	s.write("chart/charts/part/Chart.yaml", "apiVersion: v2\nname: part\nversion: 0.0.1\n")
	s.commit("chart/Chart.yaml", chart)
	shell(t, s.dir, "git tag v1.1.0")
	s.must("build")
	s.must("bump")
	want := strings.Replace(strings.Replace(chart, "\nversion: 0.0.1", "\nversion: 1.1.0", 1), "dev", "v1.1.0", 1)
	if got := shell(t, s.env["QA"], "git show main:chart/Chart.yaml"); got != want {
		t.Errorf("the candidate's Chart.yaml is\n%s\nwant\n%s", got, want)
	}
	if got := shell(t, s.env["QA"], "git show main:chart/charts/part/Chart.yaml"); !strings.Contains(got, "version: 0.0.1") {
		t.Errorf("the dependency's is\n%s", got)
	}
}

func TestPromoteRejectsReleaseCandidates(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"1.0.0-rc1", "v1.0.0-rc.1"} {
		s := newTestPipeline(t, "directory", tag)
		s.must("bump")
		s.must("verify")
		if code, msg := s.run("promote"); code != 4 || !strings.Contains(msg, "not a release") {
			t.Errorf("%s: exit %d %s", tag, code, msg)
		}
		if code, msg := s.run("promote", "--skip-unreleased"); code != 0 || len(s.files()) != 0 {
			t.Errorf("%s, where CI calls it: exit %d %s, published %v", tag, code, msg, s.files())
		}
	}
}

func TestPromotePublishesTheTestedPackage(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.must("verify")
	tested := shell(t, s.env["WORK"], "cat hello-1.0.0.tgz | sha256sum")
	// Meanwhile the candidates' repository gets another commit.
	dir := t.TempDir()
	shell(t, dir, "git clone -q "+s.env["QA"]+" qa && echo changed >> qa/chart/templates/NOTES.txt && cd qa && "+commitAll+" && git push -q origin HEAD:main")
	s.must("promote")
	if published := shell(t, s.env["PROD"], "cat hello-1.0.0.tgz | sha256sum"); published != tested {
		t.Errorf("tested was %s, published %s", tested, published)
	}
}

func TestFailedStepsHaveTheirExitCodes(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.must("verify")
	s.prodIsGit("/no/such.git")
	if code, msg := s.run("promote", "--skip-unreleased"); code != 5 {
		t.Errorf("promote: exit %d %s", code, msg)
	}
	s.reconfigure(`["true"]`, `["false"]`)
	if code, msg := s.run("verify"); code != 3 {
		t.Errorf("verify: exit %d %s", code, msg)
	}
	if code, msg := s.run("promote", "--skip-unreleased"); code != 2 || !strings.Contains(msg, "run verify first") {
		t.Errorf("promote after tests that failed: exit %d %s", code, msg)
	}
}

// Some CI engines show the end of a log only.
func TestAFailedStepEndsWithTheOutputOfItsTests(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	const failing = `[sh, -c, "echo too few blocks; exit 1"]`
	s.reconfigure(`["true"]`, failing)
	s.reconfigure("    build:\n", "    build:\n      test: {command: "+failing+"}\n")
	shell(t, s.dir, commitAll)
	for _, step := range []string{"build", "verify"} {
		code, msg := s.run(step)
		_, after, found := strings.Cut(msg, "exit code failed:")
		if code != 3 || !found || !strings.Contains(after, "too few blocks") || !strings.Contains(after, "chart-promoter: ") {
			t.Errorf("%s: exit %d\n%s", step, code, msg)
		}
	}
}

func TestVerifyRunsTheTestsOfTheCandidatesCommit(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v0.9.0")
	s.commit("check.sh", "echo tests of the commit\n")
	shell(t, s.dir, "git tag v1.0.0")
	s.must("build")
	s.must("bump")
	s.commit("check.sh", "echo tests of master; exit 1\n")
	s.reconfigure(`["true"]`, `[sh, check.sh]`)
	code, msg := s.run("verify")
	if code != 0 || !strings.Contains(msg, "tests of the commit") || strings.Contains(msg, "tests of master") {
		t.Errorf("exit %d:\n%s", code, msg)
	}
}
