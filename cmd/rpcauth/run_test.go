package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain is the program itself when a test starts it as such.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_PROGRAM") == "" {
		os.Exit(m.Run())
	}
	main()
}

// start starts the program as a node's pod does.
func start(t *testing.T, env []string, args ...string) (output, conf string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "user.conf")
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{"--output", file}, args...)...) //nolint:gosec // this test
	command.Env = append(env, "TEST_RUN_PROGRAM=1", "PATH=/usr/bin:/bin", "KEPT=kept")
	printed, err := command.CombinedOutput()
	text, _ := os.ReadFile(file) //nolint:gosec // in the test's own directory
	return string(printed), string(text), err
}

func TestTheProgramIsReplacedWithoutThePasswordInTheEnvironment(t *testing.T) {
	output, conf, err := start(t, []string{"BC_RPC_USER=alice", "BC_RPC_PASSWORD=correct horse"}, "--", "env")
	if err != nil {
		t.Fatal(err, output)
	}
	if !strings.Contains(output, "KEPT=kept") || strings.Contains(output, "BC_RPC") || strings.Contains(output, "horse") {
		t.Errorf("the environment of the started program is\n%s", output)
	}
	if !strings.HasPrefix(conf, "rpcauth=alice:") || strings.Contains(conf, "horse") {
		t.Errorf("the file is %q", conf)
	}
}

func TestNothingIsStartedWithAWrongSecretOrImage(t *testing.T) {
	good := []string{"BC_RPC_USER=alice", "BC_RPC_PASSWORD=secret-word"}
	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"no password":      {good[:1], []string{"--", "env"}, "BC_RPC_PASSWORD is empty"},
		"a colon":          {[]string{"BC_RPC_USER=a:b", good[1]}, []string{"--", "env"}, "BC_RPC_USER has a colon"},
		"no such program":  {good, []string{"--", "no-such-bitcoind"}, "no no-such-bitcoind on its PATH"},
		"the reserved one": {[]string{"BC_RPC_USER=__cookie__", good[1]}, nil, "choose another user name"},
		"the one of LND":   {[]string{"BC_RPC_USER=bitcoin-controller-lightning", good[1]}, nil, "choose another user name"},
	} {
		output, _, err := start(t, test.env, test.args...)
		if err == nil || !strings.Contains(output, test.want) || strings.Contains(output, "secret-word") || strings.Contains(output, "KEPT") {
			t.Errorf("%s: %v, %q", name, err, output)
		}
	}
}

func TestARestartedContainerReplacesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "user.conf")
	for _, user := range []string{"alice", "bob"} {
		if err := run([]string{"--output", file}, []string{"BC_RPC_USER=" + user, "BC_RPC_PASSWORD=word"}, os.Stderr); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file) //nolint:gosec // in the test's own directory
		if err != nil || !strings.HasPrefix(string(text), "rpcauth="+user+":") {
			t.Errorf("the file is %q, %v", text, err)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o440 {
		t.Errorf("the mode of the file is %v, %v", info.Mode(), err)
	}
}

// Every node of every network starts the program, and what it imports takes time to initialise.
func TestTheProgramImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	const own = "github.com/christianb93/bitcoin-controller/"
	if got := strings.Fields(string(out)); !slices.Equal(got, []string{own + "internal/atomicfile", own + "internal/operator/rpcauth", own + "cmd/rpcauth"}) {
		t.Errorf("the program consists of %v", got)
	}
	all, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil || strings.Contains(string(all), "net/http") {
		t.Errorf("the program contains net/http, %v", err)
	}
}
