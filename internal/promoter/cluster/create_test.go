package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// engineScript is a stand-in for Docker, as far as kind needs it until a node runs. FIRST marks the cases of one test, PULL what a pull
// does.
const engineScript = `#!/bin/bash
dir=${0%/*}
echo "$*" >>"$dir/calls"
case "$*" in
FIRST
-v) echo Docker version 99 ;;
'network ls'*) echo kind ;;
'info --format'*) echo '{"MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"CgroupDriver":"systemd","CgroupVersion":"2"}' ;;
'image inspect '*) [[ ! -e $dir/absent ]] ;;
'pull '*) echo pulling >"$dir/started"; PULL ;;
'ps -a --filter label=io.x-k8s.kind.cluster=hello'*) cat "$dir/node" 2>/dev/null || true ;;
'inspect --format '*role*) echo control-plane ;;
'run --name '*)
  touch "$dir/started"
  sleep 0.7 # the engine takes a while until the container exists
  echo "$3" >"$dir/node"
  while [[ -e $dir/node ]]; do sleep 0.05; done
  exit 137 ;;
'rm -f -v '*) mv "$dir/node" "$dir/removed" ;;
esac
`

// standIn puts the stand-in first in the PATH; pull is what its pull does, and cases come before its own.
func standIn(t *testing.T, pull string, cases ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "docker"), strings.NewReplacer("PULL", pull, "FIRST", strings.Join(cases, "\n")).Replace(engineScript), 0o755)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
	t.Setenv("HOME", dir)
	t.Setenv("TMPDIR", dir) // tests of other packages lock the same names
	t.Cleanup(func() { endHanging(t, dir) })
	return dir
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func TestACreationThatIsCancelledEndsInSecondsWithNothingLeft(t *testing.T) {
	for name, absent := range map[string]bool{"while a node image is pulled": true, "while a container is created": false} {
		t.Run(name, func(t *testing.T) {
			dir := standIn(t, `exec sleep 600`)
			// A container that stays takes longer than the limit below.
			shorten(t, func(l *Limits) { l.Cancelled = time.Minute })
			if absent {
				write(t, filepath.Join(dir, "absent"), "", 0o644)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			var cancelled time.Time
			go func() {
				for !exists(dir, "started") && ctx.Err() == nil {
					time.Sleep(5 * time.Millisecond)
				}
				cancelled = time.Now()
				cancel()
			}()
			_, err := Create(ctx, Options{Name: "hello", Kubeconfig: filepath.Join(dir, "kubeconfig"), NodeImage: "node:1"}, filepath.Join(dir, "logs"))
			if !errors.Is(err, context.Canceled) || failure.Of(err) != failure.External {
				t.Errorf("got %v", err)
			}
			if took := time.Since(cancelled); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if exists(dir, "node") || exists(dir, "logs") {
				t.Error("a container or logs are left")
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			if created := strings.Contains(string(calls), "run --name"); created == absent || created != exists(dir, "removed") {
				t.Errorf("the engine was called for\n%s", calls)
			}
		})
	}
}

func TestANodeImageThatCannotBePulledIsNamed(t *testing.T) {
	dir := standIn(t, `echo "no such host" >&2; exit 1`)
	write(t, filepath.Join(dir, "absent"), "", 0o644)
	pause = func(int) time.Duration { return 0 }
	t.Cleanup(func() { pause = second })
	_, err := Create(t.Context(), Options{Name: "hello", Kubeconfig: filepath.Join(dir, "kubeconfig"), NodeImage: "node:1"}, "")
	if !errors.Is(err, ErrCreate) || !strings.Contains(err.Error(), "node:1") || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("got %v", err)
	}
	calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
	if n := strings.Count(string(calls), "pull "); n != pullAttempts {
		t.Errorf("%d pulls", n)
	}
}

func TestTheNodeImagesAreThoseThatKindUses(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    []string
	}{
		"no configuration":           {Options{}, []string{defaults.Image}},
		"a configuration without it": {Options{Config: []byte("kind: Cluster\nnetworking: {disableDefaultCNI: true}\n")}, []string{defaults.Image}},
		"images of the nodes":        {Options{Config: []byte("nodes:\n- {role: control-plane, image: a}\n- {role: worker, image: b}\n- {role: worker, image: b}\n- {role: worker}\n")}, []string{"a", "b", defaults.Image}},
		"one for all nodes":          {Options{NodeImage: "c", Config: []byte("nodes: [{image: a}]")}, []string{"c"}},
		"not YAML":                   {Options{Config: []byte("a: [")}, nil},
	} {
		if d := cmp.Diff(c.want, nodeImages(c.options)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
