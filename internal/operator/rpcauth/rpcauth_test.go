package rpcauth

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
	if err := Run(os.Args[1:], os.Environ(), os.Stderr); err != nil {
		os.Stderr.WriteString(err.Error() + "\n") //nolint:errcheck // nowhere else to say it
		os.Exit(1)
	}
}

// The example of bitcoin's own test/functional/rpc_users.py.
func TestValueHashesAsBitcoinDoes(t *testing.T) {
	const want = "rt:93648e835a54c573682c2eb19f882535$7681e9c5b74bdd85e78166031d2058e1069b3ed7ed967c93fc63abba06f31144"
	got := Value("rt", "cA773lm788buwYe4g4WT+05pKyNruVKjQ25x3n0DQcM=", "93648e835a54c573682c2eb19f882535")
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// start starts the program as a node's pod does.
func start(t *testing.T, env []string, args ...string) (output, conf string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "user.conf")
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{"--output", file}, args...)...) //nolint:gosec // this test
	command.Env = append(env, "TEST_RUN_PROGRAM=1", "PATH=/usr/bin:/bin", "KEPT=kept")
	printed, err := command.CombinedOutput()
	text, _ := os.ReadFile(file)
	return string(printed), string(text), err
}

func TestTheHelperBecomesTheProgramWithoutThePassword(t *testing.T) {
	output, conf, err := start(t, []string{"BC_RPC_USER=alice", "BC_RPC_PASSWORD=correct horse"}, "--", "env")
	if err != nil {
		t.Fatal(err, output)
	}
	if !strings.Contains(output, "KEPT=kept") || strings.Contains(output, "BC_RPC") || strings.Contains(output, "horse") {
		t.Errorf("the program's environment is\n%s", output)
	}
	if !strings.HasPrefix(conf, "rpcauth=alice:") || strings.Contains(conf, "horse") {
		t.Errorf("the file is %q", conf)
	}
}

func TestTheHelperStartsNothingThatCannotWork(t *testing.T) {
	good := []string{"BC_RPC_USER=alice", "BC_RPC_PASSWORD=secret-word"}
	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"no password":      {good[:1], []string{"--", "env"}, "BC_RPC_PASSWORD is empty"},
		"a colon":          {[]string{"BC_RPC_USER=a:b", good[1]}, []string{"--", "env"}, "BC_RPC_USER has a colon"},
		"no such program":  {good, []string{"--", "no-such-bitcoind"}, "no no-such-bitcoind on its PATH"},
		"the reserved one": {[]string{"BC_RPC_USER=__cookie__", good[1]}, nil, "choose another name"},
	} {
		output, _, err := start(t, test.env, test.args...)
		if err == nil || !strings.Contains(output, test.want) || strings.Contains(output, "secret-word") || strings.Contains(output, "KEPT") {
			t.Errorf("%s: %v, %q", name, err, output)
		}
	}
}

// Every node of every network starts the program: what it imports, it initialises.
func TestTheProgramImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../../../cmd/rpcauth").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := "github.com/christianb93/bitcoin-controller/"
	if got := strings.Fields(string(out)); !slices.Equal(got, []string{own + "internal/atomicfile", own + "internal/operator/rpcauth", own + "cmd/rpcauth"}) {
		t.Errorf("it is made of %v", got)
	}
	all, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "../../../cmd/rpcauth").Output()
	if err != nil || strings.Contains(string(all), "net/http") {
		t.Errorf("it has a web server in it, %v", err)
	}
}
