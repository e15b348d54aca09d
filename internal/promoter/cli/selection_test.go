package cli

import (
	"os"
	"strings"
	"testing"
)

// The build of the commit that sets a version may fail, and no later commit changes the chart.
func TestAllCommandsOfDEVSelectAVersionWithoutACandidate(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.configure(strings.Replace(severalYAML, "charts/api, sources", "charts/api, version: {from: file}, sources", 1))
	shell(t, s.dir, commitAll+" && git tag web-2.0.0 && git tag worker-0.3.0")
	s.write("README.md", "text\n")
	shell(t, s.dir, commitAll)
	for _, command := range []string{"explain", "build", "bump"} {
		code, out, msg := s.call(s.args(command)...)
		if code != 0 || !strings.Contains(out, "api") || strings.Contains(out, "web") || strings.Contains(msg, "no chart is changed") {
			t.Errorf("%s: exit %d\n%s\n%s", command, code, out, msg)
		}
	}
	if code, out, msg := s.call(s.args("explain")...); code != 0 || out != "" || !strings.Contains(msg, "no chart is changed") {
		t.Errorf("with a candidate: exit %d\n%s\n%s", code, out, msg)
	}
}

func TestAFailureOfWhatChartsShareIsReportedOnce(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.configure(strings.Replace(severalYAML, `'echo built >>"$COUNT"'`, "'exit 3'", 1))
	shell(t, s.dir, commitAll)
	code, _, msg := s.call(s.args("build", "--chart", "api", "--chart", "web")...)
	if code == 0 || strings.Count(msg, "chart web") != 0 || !strings.Contains(msg, "charts api, web: ") {
		t.Errorf("exit %d\n%s", code, msg)
	}
}

func TestReleaseOfAChartRaisesTheVersionInItsFile(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	s.configure(strings.Replace(severalYAML, "charts/api, sources", "charts/api, version: {from: file}, sources", 1))
	shell(t, s.dir, commitAll)
	file := s.dir + "/charts/api/Chart.yaml"
	for _, c := range []struct{ args, old, want string }{{"--dry-run minor", "0.0.1", "0.0.1"}, {"minor", "0.0.1", "0.1.0"}, {"", "0.1.0", "0.1.1"}, {"--version 3.0.0", "0.1.1", "3.0.0"}} {
		code, out, msg := s.call(s.args(append([]string{"release", "--chart", "api"}, strings.Fields(c.args)...)...)...)
		got, err := os.ReadFile(file)
		if code != 0 || err != nil || string(got) != "apiVersion: v2\nname: api\nversion: "+c.want+"\nappVersion: dev\n" {
			t.Errorf("release %s: exit %d, %v\n%s\n%s", c.args, code, err, got, msg)
		}
		for _, words := range []string{c.old, "charts/api/Chart.yaml", "commit it with the change"} {
			if !strings.Contains(out, words) {
				t.Errorf("release %s: no %q in\n%s", c.args, words, out)
			}
		}
	}
	for _, version := range []string{"2.9.9", "3.0.0"} {
		if code, _, msg := s.call(s.args("release", "--chart", "api", "--version", version)...); code != 2 || !strings.Contains(msg, "not higher than 3.0.0") {
			t.Errorf("%s after 3.0.0: exit %d\n%s", version, code, msg)
		}
	}
	if tags := shell(t, s.dir, "git tag"); tags != "" {
		t.Errorf("tags were created: %s", tags)
	}
}
