package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// oneNode is as much of an engine as kind needs until a container runs, which does so until it is removed. REMOVE is what that does.
const oneNode = `'network ls'*) echo kind ;;
'info --format'*) echo '{"MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"CgroupDriver":"systemd","CgroupVersion":"2"}' ;;
'image inspect '*) ;;
'ps -a --filter label=io.x-k8s.kind.cluster=hello '*) cat "$dir/node" 2>/dev/null || true ;;
'inspect --format '*role*) echo control-plane ;;
'run --name '*) echo "$3" >"$dir/node"; while [ -e "$dir/node" ]; do sleep 0.05; done; exit 137 ;;
'rm -f -v '*) REMOVE ;;`

func early(t *testing.T, remove string) (dir string, e *Early, log *lines) {
	t.Helper()
	dir, log = engine(t, strings.ReplaceAll(oneNode, "REMOVE", remove)), &lines{}
	p := Provider{Config: &config.Config{}, Work: workdir.Dir(t.TempDir()), Report: log, Stage: &config.Stage{Verify: &config.Verify{Cluster: config.Cluster{NodeImage: "node:1"}}}}
	e = p.Begin(t.Context(), Options{ClusterName: "hello"})
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err := os.Stat(filepath.Join(dir, "node")); err == nil {
			return dir, e, log
		}
		if time.Now().After(deadline) {
			t.Fatal("no container was created within a minute")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestAClusterThatIsNotNeededIsDeleted(t *testing.T) {
	for name, c := range map[string]struct {
		remove string
		want   error
	}{
		"at once": {`mv "$dir/node" "$dir/removed"`, nil},
		// The time of an interrupted creation ends before the engine has deleted its container.
		"in more time than an interrupted run has": {`[ -e "$dir/first" ] || { touch "$dir/first"; sleep 2; exit 1; }; mv "$dir/node" "$dir/removed"`, nil},
		"never": {`exit 1`, cluster.ErrEngine},
	} {
		t.Run(name, func(t *testing.T) {
			before := cluster.EngineLimits
			t.Cleanup(func() { cluster.EngineLimits = before })
			cluster.EngineLimits.Cancelled = time.Second
			dir, e, log := early(t, c.remove)
			t.Cleanup(func() { _ = os.Remove(filepath.Join(dir, "node")) }) // ends the container
			err := testtools.InTime(t, time.Minute, func() error { return e.End(t.Context()) })
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			_, left := os.Stat(filepath.Join(dir, "node"))
			_, noted := os.Stat(e.provider.Work.File(clusterFile))
			if (left == nil) != (c.want != nil) || (noted == nil) != (c.want != nil) {
				t.Errorf("a container is left: %v; the next run would delete it: %v", left == nil, noted == nil)
			}
			if !strings.Contains(log.text, "the cluster hello is not needed") || strings.Contains(log.text, "Preparing") {
				t.Errorf("it reports\n%s", log.text)
			}
			if err := e.End(t.Context()); c.want == nil && err != nil {
				t.Errorf("ended twice: %v", err)
			}
		})
	}
}

func TestACreatedClusterThatIsNotNeededIsDeleted(t *testing.T) {
	dir := engine(t, strings.ReplaceAll(oneNode, "REMOVE", `mv "$dir/node" "$dir/removed"`))
	if err := os.WriteFile(filepath.Join(dir, "node"), []byte("hello-control-plane\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Provider{Work: workdir.Dir(t.TempDir()), Report: &lines{}}
	kind, err := cluster.Open("hello", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Work.Write(clusterFile, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	close(done)
	e := &Early{provider: p, name: "hello", stop: func() {}, done: done, report: &report.Held{}, env: &Environment{provider: p, kind: kind, owned: true, keep: true}}
	if err := e.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "removed")); err != nil {
		t.Error("it is left")
	}
	if _, err := os.Stat(p.Work.File(clusterFile)); err == nil {
		t.Error("the next run would delete a cluster")
	}
}

// What a creation reports comes when its cluster is opened, and from then on at once.
func TestLinesOfACreationWaitUntilItIsOpened(t *testing.T) {
	dir, e, log := early(t, `mv "$dir/node" "$dir/removed"`)
	if log.text != "" {
		t.Errorf("before it was opened it reports\n%s", log.text)
	}
	shown := &lines{}
	opened := make(chan error)
	go func() {
		_, err := e.open(shown, cluster.Release{})
		opened <- err
	}()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(shown.read(), "Preparing nodes"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("while it waits it reports\n%s", shown.read())
		}
	}
	if err := os.Remove(filepath.Join(dir, "node")); err != nil { // the container ends
		t.Fatal(err)
	}
	if err := testtools.InTime(t, time.Minute, func() error { return <-opened }); !errors.Is(err, cluster.ErrCreate) {
		t.Errorf("got %v", err)
	}
	if text := shown.read(); !strings.Contains(text, "✗ Preparing nodes") || strings.Count(text, "Creating cluster") != 1 {
		t.Errorf("it reports\n%s", text)
	}
	if err := e.End(t.Context()); err != nil {
		t.Error(err)
	}
}
