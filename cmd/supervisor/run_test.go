//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

func TestTheProgramCopiesItselfIntoAVolume(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), []string{"--copy-to", dir}, nil, os.Stdin, os.Stdout, os.Stderr); err != nil {
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
		"no program":      {append(files, "--port-step=10"), env, "a program are required: supervisor --port-step=10 -- bitcoind runs"},
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

// The plugin calls several nodes of a pod so. The supervisor of an earlier release rejects the flag before it has written anything.
func TestTheProgramCallsBitcoinCLIForItsNodes(t *testing.T) {
	dir := t.TempDir()
	const script = "#!/bin/sh\necho \"$@\"\necho problem >&2\nexit 3\n"
	if err := os.WriteFile(filepath.Join(dir, "bitcoin-cli"), []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ flag, path, want string }{
		"calls":          {"--" + api.CallsFlag, dir, "{\"ready\":true,\"id\":0}\n"},
		"no bitcoin-cli": {"--" + api.CallsFlag, t.TempDir(), ""},
		"another flag":   {"--no-such-flag", dir, ""},
	} {
		command := exec.CommandContext(t.Context(), os.Args[0], asSupervisor, test.flag, "--nodes-dir=/nodes") //nolint:gosec // this test
		command.Env = []string{"PATH=" + test.path}
		in, err := command.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		if first, err := lines.ReadString('\n'); first != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: the first line is %q (%v)", name, first, err)
		}
		got := map[string]string{}
		if test.want != "" {
			if err := json.NewEncoder(in).Encode(api.Call{ID: 5, Slot: 12, Arguments: []string{"echo", "x"}}); err != nil {
				t.Fatal(err)
			}
			for ended := false; !ended; {
				var part api.Part
				line, err := lines.ReadBytes('\n')
				if err == nil {
					err = json.Unmarshal(line, &part)
				}
				if err != nil || part.ID != 5 {
					t.Fatalf("%s: %q, %v", name, line, err)
				}
				got["out"], got["err"] = got["out"]+string(part.Out), got["err"]+string(part.Err)
				if ended = part.Exit != nil; ended {
					got["exit"] = fmt.Sprint(*part.Exit)
				}
			}
			if want := "-conf=/nodes/12/bitcoin.conf echo x\n"; got["out"] != want || got["err"] != "problem\n" || got["exit"] != "3" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); (err == nil) != (test.want != "") {
			t.Errorf("%s: it ends with %v", name, err)
		}
	}
}
