package lifecycle

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A stand-in for Docker, as far as kind needs it until the node runs: that never gets ready, and ends when it is removed.
const docker = `#!/bin/bash
dir=${0%/*}
case "$*" in
-v) echo Docker version 99 ;;
'network ls'*) echo kind ;;
'info --format'*) echo '{"MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"CgroupDriver":"systemd","CgroupVersion":"2"}' ;;
'ps -a --filter label=io.x-k8s.kind.cluster=lifecycle-'*) cat "$dir/node" 2>/dev/null || true ;;
'run --name '*)
  echo "$3" >"$dir/node"
  while [[ -e $dir/node ]]; do sleep 0.1; done
  exit 137 ;;
'rm -f -v '*) [[ $4 == "$(cat "$dir/node")" ]] && mv "$dir/node" "$dir/removed" ;;
esac
`

// A second process of these tests creates a cluster, which its Docker never finishes.
func TestAnInterruptedRunDeletesItsUnfinishedCluster(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(docker), 0o755); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(dir, "note")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, os.Args[0])
	run.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TMPDIR="+dir, onlyCluster+"=true", "LIFECYCLE_NOTE="+note,
		"CANDIDATE_IMAGE=a", "BITCOIND_IMAGE=b", "NODE_IMAGE=c", "KIND_CONFIG=", "KIND_EXPERIMENTAL_PROVIDER=docker", "DOCKER_HOST=")
	out := &strings.Builder{}
	run.Stdout, run.Stderr = out, out
	ok(t, run.Start())
	exists := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	for limit := time.Now().Add(30 * time.Second); !exists("node"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			_ = run.Process.Kill()
			_ = run.Wait()
			t.Fatalf("no node is created: %s", out)
		}
	}
	name, err := os.ReadFile(note)
	if err != nil || !strings.HasPrefix(string(name), "lifecycle-") {
		t.Errorf("who has to kill the run does not find the cluster's name: %q, %v", name, err)
	}
	ok(t, run.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	if err := run.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the run ends with %v, not with exit code 1: %s", err, out)
	}
	if exists("node") || !exists("removed") {
		t.Errorf("the node stays: %s", out)
		os.Remove(filepath.Join(dir, "node"))
	}
	if exists("note") {
		t.Error("the note of a cluster that is gone stays")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "lifecycle-*")); len(left) > 0 {
		t.Errorf("%v stays", left)
	}
}
