package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

func TestAKeptClusterIsNotDeletedByTheNextRun(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in\n\"ps -a\"*kind.cluster=*) echo hello-1a2b3c-control-plane ;;\n\"ps -a\"*) echo hello-1a2b3c ;;\n\"rm -f\"*) echo \"$*\" >>" + dir + "/removed ;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
	l := &lines{}
	p := Provider{Work: workdir.Dir(t.TempDir()), Report: l}
	if _, err := p.Work.Write(clusterFile, []byte("hello-1a2b3c")); err != nil {
		t.Fatal(err)
	}
	kind, err := cluster.Find(t.Context(), "hello-1a2b3c", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &Environment{Kubeconfig: p.Work.File(p.kubeconfig("hello-1a2b3c", true)), provider: p, kind: kind, owned: true, keep: true}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.deleteLeftover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if removed, err := os.ReadFile(dir + "/removed"); err == nil {
		t.Errorf("the next run removed %s", removed)
	}
	if !strings.Contains(l.text, "chart-promoter cluster delete hello-1a2b3c --kubeconfig "+e.Kubeconfig) {
		t.Errorf("how to delete it is not reported: %s", l.text)
	}
	// Another run's kubeconfig is another file.
	for _, other := range []string{p.kubeconfig("hello-ffffff", false), p.kubeconfig("hello-ffffff", true)} {
		if p.Work.File(other) == e.Kubeconfig {
			t.Errorf("the next run writes %s", other)
		}
	}
}

type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) Line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += text + "\n"
}

// read is for lines to which another goroutine may add.
func (l *lines) read() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

func (l *lines) Step(string, string) func(string, error) { return func(string, error) {} }
