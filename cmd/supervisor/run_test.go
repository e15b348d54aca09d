//go:build linux

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheProgramCopiesItselfIntoAVolume(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), []string{"--copy-to", dir}, nil, os.Stdout, os.Stderr); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "supervisor")); err != nil {
		t.Error(err)
	}
}

func TestNothingIsStartedWithoutWhatItNeeds(t *testing.T) {
	p := newPod(t, 1, nil)
	files := []string{"--config", p.dir + "/bitcoin.conf", "--nodes-dir", p.dir + "/nodes", "--slots-dir", p.dir + "/slots", "--listen", "127.0.0.1:0"}
	env := []string{"POD_NAME=my-network-sts-0", "POD_IPS=127.0.0.1"}
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close() //nolint:errcheck // nothing connects
	complete := slices.Concat(files, []string{"--port-step=10", "--", os.Args[0], asNode})
	for name, test := range map[string]struct {
		arguments, env []string
		want           string
	}{
		"no program":      {append(files, "--port-step=10"), env, "are required"},
		"no step":         {append(files, "--", "env"), env, "are required"},
		"no such program": {append(files, "--port-step=10", "--", "no-such-bitcoind"), env, "no no-such-bitcoind on its PATH"},
		"no ordinal":      {complete, env[1:], "does not end with its ordinal"},
		"no address":      {complete, env[:1], "no POD_IPS"},
		"no port":         {slices.Concat(files[:6], []string{"--listen", used.Addr().String()}, complete[8:]), env, "address already in use"},
		"no ConfigMap":    {slices.Concat(files, []string{"--slots-dir", "/no-such-directory"}, complete[8:]), env, "/no-such-directory/nodes: no such file"},
	} {
		command := exec.CommandContext(t.Context(), os.Args[0], append([]string{asSupervisor}, test.arguments...)...) //nolint:gosec // this test
		command.Env = test.env
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
	if entries, err := os.ReadDir(p.dir + "/nodes"); err != nil || slices.ContainsFunc(entries, os.DirEntry.IsDir) {
		t.Errorf("nodes were started: %v, %v", entries, err)
	}
}

// Every pod starts the program, and what it imports takes time to initialise.
func TestTheProgramImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if !strings.HasPrefix(pkg, "github.com/christianb93/bitcoin-controller/internal/") && !strings.HasSuffix(pkg, "/cmd/supervisor") {
			t.Errorf("the program imports %s", pkg)
		}
	}
}
