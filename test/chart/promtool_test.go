package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// promtool runs Prometheus' own tool, which comes with Prometheus (Debian: package prometheus), where it is installed.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	command := exec.Command(path, args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func writeFile(t *testing.T, path string, content any) {
	t.Helper()
	text, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

type ruleFile struct {
	Groups []ruleGroup `json:"groups"`
}

type ruleGroup struct {
	Name  string `json:"name"`
	Rules []any  `json:"rules"`
}

// Each alert rings when it should and only then, played through in testdata/alerts/cases.yaml.
func TestAlertsRing(t *testing.T) {
	dir := t.TempDir()
	group := ruleGroup{Name: "alerts"}
	for _, a := range alerts(t, "") {
		group.Rules = append(group.Rules, a)
	}
	writeFile(t, filepath.Join(dir, "rules.yaml"), ruleFile{[]ruleGroup{group}})
	cases, err := os.ReadFile("testdata/alerts/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cases.yaml"), cases, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts(t, "") {
		if !strings.Contains(string(cases), "alertname: "+a.Alert) {
			t.Errorf("no case is about %s", a.Alert)
		}
	}
	promtool(t, dir, "test", "rules", "cases.yaml")
}
