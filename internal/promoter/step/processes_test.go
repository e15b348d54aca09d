package step

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Each process of git takes milliseconds, and more on a busy machine; one that reads the whole index or tree of the source takes a
// hundred for each 60,000 files, which only the search for uncommitted changes may.
func TestBumpStartsFewProcessesOfGit(t *testing.T) {
	w := withoutBuild(t)
	for _, version := range []string{"v1.0.0", "v1.0.1"} {
		w.write("charts/hello/templates/more.yaml", "# "+version+"\n")
		w.commit(version)
		w.tag(version)
		trace := t.TempDir() + "/trace"
		t.Setenv("GIT_TRACE2_EVENT", trace)
		if r, err := Bump(t.Context(), w.p); err != nil || !r.Changed {
			t.Fatalf("%+v, %v", r, err)
		}
		t.Setenv("GIT_TRACE2_EVENT", "0")
		commands := started(t, trace)
		if len(commands) > 36 {
			t.Errorf("%s: git is started %d times:\n%s", version, len(commands), strings.Join(commands, "\n"))
		}
		for _, c := range commands {
			if verb, _, _ := strings.Cut(c, " "); verb == "read-tree" || verb == "ls-files" || verb == "ls-tree" && !strings.Contains(c, ":(top,literal)charts/hello ") {
				t.Errorf("%s: git reads all of the source: %s", version, c)
			}
		}
	}
}

// started are the commands that git was started with, without those that git itself starts.
func started(t *testing.T, trace string) (commands []string) {
	t.Helper()
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var e struct {
			Event, Sid string
			Argv       []string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "start" && !strings.Contains(e.Sid, "/") {
			commands = append(commands, strings.Join(e.Argv[1:], " "))
		}
	}
	return commands
}
