package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// withoutPauses lets pulls follow each other at once.
func withoutPauses(t *testing.T) {
	t.Helper()
	pause = func(int) time.Duration { return 0 }
	t.Cleanup(func() { pause = second })
}

func TestTheClusterThatAnotherRunCreatesUnderTheNameStays(t *testing.T) {
	for name, cases := range map[string][]string{
		"while the node image is pulled": {"'ps -a --filter label=io.x-k8s.kind.cluster --format '*) [[ ! -e $dir/pulled ]] || echo hello ;;"},
		"after the last list":            {"'ps -a --filter label=io.x-k8s.kind.cluster=hello '*) echo hello-control-plane ;;"},
		"while containers are created": {`'run --name '*)
  echo hello-control-plane >"$dir/node"
  echo 'docker: Error response from daemon: Conflict. The container name "/hello-control-plane" is already in use by container "ab12".' >&2
  echo "See 'docker run --help'." >&2
  exit 125 ;;`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := standIn(t, `touch "$dir/pulled"`, cases...)
			write(t, filepath.Join(dir, "absent"), "", 0o644)
			claimed := false
			o := Options{Name: "hello", Kubeconfig: filepath.Join(dir, "kubeconfig"), NodeImage: "node:1", Claimed: func() error {
				claimed = true
				return nil
			}}
			err := testtools.InTime(t, time.Minute, func() error {
				_, err := Create(t.Context(), o, filepath.Join(dir, "logs"))
				return err
			})
			if !errors.Is(err, ErrExists) || failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "choose another name") {
				t.Errorf("got %v", err)
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			if strings.Contains(string(calls), "\nrm ") || exists(dir, "logs") {
				t.Errorf("the other cluster was deleted, or its logs exported:\n%s", calls)
			}
			if known := !strings.HasPrefix(name, "while the node"); claimed != known {
				t.Errorf("the name was claimed: %t", claimed)
			}
		})
	}
}

func TestOneRunAtATimeCreatesAClusterOfAName(t *testing.T) {
	dir := standIn(t, `while [[ ! -e $dir/go ]]; do sleep 0.02; done; exit 1`)
	write(t, filepath.Join(dir, "absent"), "", 0o644)
	withoutPauses(t)
	create := func(name string) error {
		_, err := Create(t.Context(), Options{Name: name, Kubeconfig: filepath.Join(dir, "kubeconfig"), NodeImage: "node:1"}, "")
		return err
	}
	first := make(chan error, 1)
	go func() { first <- create("hello") }()
	for limit := time.Now().Add(30 * time.Second); !exists(dir, "started"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the first run did not begin to pull within 30 s")
		}
	}
	if err := testtools.InTime(t, time.Minute, func() error { return create("hello") }); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "another run is creating it") {
		t.Errorf("the second run: %v", err)
	}
	write(t, filepath.Join(dir, "go"), "", 0o644)
	if err := testtools.InTime(t, time.Minute, func() error { return <-first }); !errors.Is(err, ErrCreate) {
		t.Errorf("the first run: %v", err)
	}
	// The name is free again, and so was another one all the time.
	for _, name := range []string{"hello", "other"} {
		if err := testtools.InTime(t, time.Minute, func() error { return create(name) }); !errors.Is(err, ErrCreate) {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	if err := testtools.InTime(t, time.Minute, func() error { return create("hello") }); !errors.Is(err, ErrCreate) || !strings.Contains(err.Error(), "lock the name hello") {
		t.Errorf("without a directory for the lock: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.lock")); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
