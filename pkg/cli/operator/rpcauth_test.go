package operator

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apiversion "k8s.io/apimachinery/pkg/version"
)

// TestMain is the program itself when a test starts it as such.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_PROGRAM") == "" {
		os.Exit(m.Run())
	}
	command := Command()
	command.SetArgs(os.Args[1:])
	if err := command.Execute(); err != nil {
		os.Stderr.WriteString(err.Error() + "\n") //nolint:errcheck // nowhere else to say it
		os.Exit(1)
	}
}

// rpcauth starts the program as a node's pod does.
func rpcauth(t *testing.T, env []string, args ...string) (output, conf string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "user.conf")
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{"rpcauth", "--output", file}, args...)...) //nolint:gosec // this test
	command.Env = append(env, "TEST_RUN_PROGRAM=1", "PATH=/usr/bin:/bin", "KEPT=kept")
	printed, err := command.CombinedOutput()
	text, _ := os.ReadFile(file)
	return string(printed), string(text), err
}

func TestTheHelperBecomesTheProgramWithoutThePassword(t *testing.T) {
	output, conf, err := rpcauth(t, []string{"BC_RPC_USER=alice", "BC_RPC_PASSWORD=correct horse"}, "--", "env")
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
		output, _, err := rpcauth(t, test.env, test.args...)
		if err == nil || !strings.Contains(output, test.want) || strings.Contains(output, "secret-word") || strings.Contains(output, "KEPT") {
			t.Errorf("%s: %v, %q", name, err, output)
		}
	}
}

type server string

func (s server) ServerVersion() (*apiversion.Info, error) {
	return &apiversion.Info{GitVersion: string(s)}, nil
}

func TestAutoMountsTheHelperWhereKubernetesCan(t *testing.T) {
	for _, test := range []struct {
		helper, server string
		want           bool
	}{
		{helperAuto, "v1.35.9", false}, {helperAuto, "v1.36.0", true}, {helperAuto, "v1.37.1-gke.100", true},
		{helperAuto, "v1.36.3+k3s1", true}, {helperVolume, "v1.30.0", true}, {helperInit, "v1.37.0", false},
	} {
		o := &options{helper: test.helper}
		if got, err := o.imageVolumes(server(test.server)); got != test.want || err != nil {
			t.Errorf("%s with %s: %v %v", test.helper, test.server, got, err)
		}
	}
	if _, err := (&options{helper: helperAuto}).imageVolumes(server("unknown")); err == nil {
		t.Error("a version that is none was taken")
	}
}
