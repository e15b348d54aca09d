package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// engine puts a container engine first in the PATH that is a script of these cases. What hangs writes its process id into the file pids.
func engine(t *testing.T, cases string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	script := "#!/bin/sh\ndir=${0%/*}\necho \"$*\" >>\"$dir/calls\"\ncase \"$*\" in\n" + cases + "\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
	t.Setenv("HOME", dir)
	t.Setenv("TMPDIR", dir) // tests of other packages lock the same names
	t.Cleanup(func() {
		pids, _ := os.ReadFile(filepath.Join(dir, "pids"))
		for _, line := range strings.Fields(string(pids)) {
			if pid, err := strconv.Atoi(line); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	return dir
}

func TestAnExportEndsThoughTheEngineHangs(t *testing.T) {
	dir := testtools.Abandoned(t)
	engine(t, `'ps -a'*) echo hello-control-plane ;;
'inspect --format '*role*) echo control-plane ;;
'exec '* | 'logs '*) echo $$ >>"$dir/pids"; exec sleep 1000 ;;`)
	before := cluster.EngineLimits
	t.Cleanup(func() { cluster.EngineLimits = before })
	cluster.EngineLimits.Logs = 500 * time.Millisecond
	kind, err := cluster.Find(t.Context(), "hello-control-plane", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{}
	e := &Environment{Kubeconfig: pods(t, podWith("p", "x")), provider: Provider{Report: l}, kind: kind}
	_ = testtools.InTime(t, time.Minute, func() error {
		e.Export(t.Context(), dir)
		return nil
	})
	if !strings.Contains(l.text, "some logs or states could not be exported") || !strings.Contains(l.text, "docker did not return all logs within 500ms") ||
		!strings.Contains(l.text, "are in "+dir) {
		t.Errorf("it reports\n%s", l.text)
	}
}

// The next run deletes the cluster that the file names.
func TestOnlyAClusterOfThisRunIsNoted(t *testing.T) {
	for name, c := range map[string]struct {
		cases string
		want  error
		kind  failure.Kind
		noted string // when the first container is created
		left  string // noted in the end
	}{
		"another run creates it while the node image is pulled": {`'ps -a --filter label=io.x-k8s.kind.cluster --format '*) [ ! -e "$dir/pulled" ] || echo hello ;;`, cluster.ErrExists, failure.BadInput, "", ""},
		"another run creates it after the last list":            {`'ps -a --filter label=io.x-k8s.kind.cluster=hello '*) echo hello-control-plane ;;`, cluster.ErrExists, failure.BadInput, "", ""},
		"this run creates it":                                   {``, cluster.ErrCreate, failure.External, "hello", ""},
		"this run creates it and cannot delete it":              {`'ps -a --filter label=io.x-k8s.kind.cluster=hello '*) [ ! -e "$dir/noted" ] ;;`, cluster.ErrCreate, failure.External, "hello", "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Provider{Config: &config.Config{}, Work: workdir.Dir(t.TempDir()), Report: &lines{}, Stage: &config.Stage{Verify: &config.Verify{Cluster: config.Cluster{NodeImage: "node:1"}}}}
			note := p.Work.File(clusterFile)
			dir := engine(t, c.cases+`
'network ls'*) echo kind ;;
'info --format'*) echo '{"MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"CgroupDriver":"systemd","CgroupVersion":"2"}' ;;
'image inspect '*) [ -e "$dir/pulled" ] ;;
'pull '*) touch "$dir/pulled"; cp "`+note+`" "$dir/early" 2>/dev/null; true ;;
'run --name '*) cp "`+note+`" "$dir/noted"; exit 1 ;;`)
			_, err := p.openNew(t.Context(), cluster.Release{}, Options{ClusterName: "hello"}, p.Work.File("logs"))
			if !errors.Is(err, c.want) || failure.Of(err) != c.kind {
				t.Errorf("got %v", err)
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			if strings.Contains(string(calls), "\nrm ") {
				t.Errorf("it deletes containers:\n%s", calls)
			}
			if early, err := os.ReadFile(filepath.Join(dir, "early")); err == nil {
				t.Errorf("while the image is pulled, %q is noted", early)
			}
			if noted, _ := os.ReadFile(filepath.Join(dir, "noted")); string(noted) != c.noted {
				t.Errorf("when containers are created, %q is noted", noted)
			}
			if left, _ := os.ReadFile(note); string(left) != c.left {
				t.Errorf("the next run would delete %q", left)
			}
		})
	}
}
