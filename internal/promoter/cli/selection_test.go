package cli

import (
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
