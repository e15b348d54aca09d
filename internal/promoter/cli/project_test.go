package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// commandsOfAPipeline are those that read the configuration, with arguments that they need.
var commandsOfAPipeline = [][]string{
	{"version"}, {"package"}, {"build"}, {"bump"}, {"verify"}, {"promote"}, {"run"}, {"release"}, {"approve", "--stage", "prod"}, {"status"},
	{"yank", "hello", "1.0.0"}, {"doctor"}, {"explain"}, {"list-changed"}, {"cluster", "create", "x"},
}

func TestEveryCommandWithoutAConfigurationNamesInit(t *testing.T) {
	t.Parallel()
	p := foreign(t, "https://github.com/o/hello.git")
	for _, args := range commandsOfAPipeline {
		code, out, msg := p.call(args...)
		if code != 2 || out != "" || !strings.Contains(msg, "write one with chart-promoter init") || strings.Count(msg, "\n") != 1 {
			t.Errorf("%v: exit %d %s%s", args, code, out, msg)
		}
	}
}

// In a directory below, init would write what exists already.
func TestACommandBelowTheTopNamesTheTop(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	for _, args := range [][]string{{"version"}, {"explain"}} {
		text, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Dir = filepath.Join(p.dir, "cmd/hello")
		cmd.Env = append(os.Environ(), "CHART_PROMOTER_TEST_ARGS="+string(text))
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "run the command in "+p.dir) || strings.Contains(string(out), "init") {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
}
