//go:build e2e

package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/rights"
)

// pluginVariable names the program kubectl-btcnet. Without it, the package builds the program.
const pluginVariable = "KUBECTL_BTCNET"

// pluginDir has the program, until all tests have ended.
var pluginDir string

func removePlugin() {
	if pluginDir != "" {
		_ = os.RemoveAll(pluginDir) // best effort: it is in the directory for temporary files
	}
}

// buildPlugin builds the program once, unless the variable names it.
var buildPlugin = sync.OnceValues(func() (string, error) {
	if file := os.Getenv(pluginVariable); file != "" {
		return file, nil
	}
	dir, err := os.MkdirTemp("", "kubectl-btcnet-")
	if err != nil {
		return "", err
	}
	pluginDir = dir
	file := filepath.Join(dir, "kubectl-btcnet")
	command := exec.Command("go", "build", "-C", "../..", "-trimpath", "-ldflags=-s -w", "-o", file, "./cmd/kubectl-btcnet")
	command.Env = append(os.Environ(), "CGO_ENABLED=0") // as the image is built: most packages are in the compiler's cache
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return file, err
})

// buildEarly builds it before the first test: beside the tests, the compiler would take their processor time. A run of some tests may
// need no program.
func buildEarly() error {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" {
		return nil
	}
	_, err := buildPlugin()
	return err
}

// pluginRights are all that the plugin needs, those of its documentation. The role edit has more: also Secrets.
var pluginRights = []rbacv1.PolicyRule{
	{APIGroups: []string{v1.GroupName}, Resources: []string{"bitcoinnetworks"}, Verbs: []string{"get", "list", "watch", "create", "patch"}},
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch", "delete"}},
	{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
	{APIGroups: []string{""}, Resources: []string{"pods/exec", "pods/portforward"}, Verbs: []string{"create", "get"}},
}

// plugin runs commands as a user who has these rights.
type plugin struct {
	*testEnv
	user string
}

func (env *testEnv) plugin(user string, rules []rbacv1.PolicyRule) plugin {
	env.Helper()
	if err := rights.Grant(env.Context(), cluster.core, env.namespace, user, rights.User(user), rules); err != nil {
		env.Fatal(err)
	}
	return plugin{env, user}
}

func (p plugin) command(args ...string) *exec.Cmd {
	p.Helper()
	file, err := buildPlugin()
	if err != nil {
		p.Fatal(err)
	}
	return exec.CommandContext(p.Context(), file, append([]string{"--namespace", p.namespace, "--as", p.user}, args...)...)
}

// run returns what a command printed, and its exit code.
func (p plugin) run(args ...string) (out, errOut string, code int) {
	p.Helper()
	var stdout, stderr bytes.Buffer
	command := p.command(args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		p.Fatal(err)
	}
	return strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String()), command.ProcessState.ExitCode()
}

// does runs a command that must succeed.
func (p plugin) does(args ...string) string {
	p.Helper()
	start := time.Now()
	out, errOut, code := p.run(args...)
	p.Logf("kubectl btcnet %s: %d in %s: %s %s", strings.Join(args, " "), code, time.Since(start).Round(time.Millisecond), out, errOut)
	if code != 0 {
		p.FailNow()
	}
	return out
}

func TestThePluginCreatesANetworkAndGivesCoins(t *testing.T) {
	env := newEnv(t, 3)
	p := env.plugin("bob", pluginRights)
	p.does("create", "coins", "--nodes", "3", "--topology", "ring", "--wait", "--timeout", "5m")
	env.exactly("coins", 3, others(3))
	if tree := p.does("tree", "coins"); !strings.Contains(tree, "3 of 3 nodes ready, Ring with 3 of 3 connections, height 0") ||
		!strings.Contains(tree, "2  coins-sts-2  block 0 ") || !strings.Contains(tree, "connected with 0, 1") {
		t.Errorf("the tree is\n%s", tree)
	}
	if _, err := env.cli("coins-sts-2", "createwallet", "person"); err != nil {
		t.Fatal(err)
	}
	address, err := env.cli("coins-sts-2", "-rpcwallet=person", "getnewaddress")
	if err != nil {
		t.Fatal(err)
	}
	p.does("fund", "coins", address, "10.00000001")
	p.does("fund", "coins/1", address, "1000sat")
	env.hasCoins("coins-sts-2", "person", "10.00001001")
	p.does("mine", "coins/2", "3", "--to", address)
	env.allHave("coins", 101+1+101+1+3)
	p.callsAllNodes("coins", address)

	// Without storage the wallet is lost with the pod, and has its coins again.
	before := p.walletOf("coins")
	p.does("kill", "coins/0")
	if after := p.walletOf("coins"); after != before || before == "0.00000000" {
		t.Errorf("the wallet has %s after the loss of its pod, and had %s", after, before)
	}
	env.exactly("coins", 3, others(3))
}

// walletOf is what the wallet of node 0 can spend.
func (p plugin) walletOf(name string) string {
	p.Helper()
	var wallet struct{ Trusted json.Number }
	if err := json.Unmarshal([]byte(p.does("wallet", name, "-o", "json")), &wallet); err != nil {
		p.Fatal(err)
	}
	return wallet.Trusted.String()
}

// callsAllNodes checks that bitcoin-cli has its arguments, its exit code, and all nodes.
func (p plugin) callsAllNodes(name, address string) {
	p.Helper()
	best, err := p.cli(name+"-sts-1", "getbestblockhash")
	if err != nil {
		p.Fatal(err)
	}
	var answers []struct{ Pod, Result string }
	if err := json.Unmarshal([]byte(p.does("cli", name, "--all", "getbestblockhash")), &answers); err != nil {
		p.Fatal(err)
	}
	for i, answer := range answers {
		if len(answers) != 3 || answer.Result != best || answer.Pod != fmt.Sprintf("%s-sts-%d", name, i) {
			p.Errorf("the answers are %+v, and the best block is %s", answers, best)
		}
	}
	if got := p.does("cli", name+"/2", "-named", "-rpcwallet=person", "getreceivedbyaddress", "address="+address, "minconf=1"); got != "10.00001001" {
		p.Errorf("the address has received %s", got)
	}
	if _, errOut, code := p.run("cli", name, "getblockhash", "9999"); code != 8 || !strings.Contains(errOut, "error code: -8") {
		p.Errorf("an error of bitcoind ended with %d: %s", code, errOut)
	}
}

func TestThePluginCausesWhatChainsDo(t *testing.T) {
	env := newEnv(t, 4)
	p := env.plugin("bob", pluginRights)
	env.create(network("chain", 4))
	env.ready("chain", readyTimeout)
	p.does("mine", "chain", "5")
	p.does("partition", "chain", "0,1", "2,3")
	env.exactly("chain", 4, neighbours([]topology.Edge{{A: 0, B: 1}, {A: 2, B: 3}}))
	p.does("mine", "chain/0", "1")
	p.does("mine", "chain/3", "2")
	if heights := ofEach(env, "chain", 4, func(pod string) (string, error) { return env.cli(pod, "getblockcount") }); !slices.Equal(heights, []string{"6", "6", "7", "7"}) {
		t.Errorf("the heights are %v", heights)
	}
	p.does("heal", "chain")
	env.exactly("chain", 4, others(4))
	env.allHave("chain", 7)
	old, err := env.cli("chain-sts-2", "getbestblockhash")
	if err != nil {
		t.Fatal(err)
	}
	p.does("reorg", "chain/1", "--depth", "3")
	env.allHave("chain", 8)
	for i := range 4 {
		pod := fmt.Sprintf("chain-sts-%d", i)
		tips, err := ask[[]struct {
			Hash, Status string
			BranchLen    int
		}](env, pod, "getchaintips")
		if err != nil || !slices.ContainsFunc(tips, func(tip struct {
			Hash, Status string
			BranchLen    int
		}) bool {
			return tip.Hash == old && tip.Status == "valid-fork" && tip.BranchLen == 3
		}) {
			t.Errorf("the tips of %s are %+v (%v), without the branch of %s", pod, tips, err, old)
		}
	}
	p.pauses("chain", "chain-sts-2")
}

// pauses checks that a node has no connections during a pause, also one that is interrupted, and has them afterwards.
func (p plugin) pauses(name, pod string) {
	p.Helper()
	for _, c := range []struct {
		duration string
		code     int
	}{{"5s", 0}, {"1h", 130}} {
		command := p.command("pause", name+"/"+pod, c.duration)
		var out bytes.Buffer
		command.Stdout, command.Stderr = &out, &out
		if err := command.Start(); err != nil {
			p.Fatal(err)
		}
		p.eventually("the end of its connections", time.Minute, func() error {
			if count, err := p.cli(pod, "getconnectioncount"); err != nil || count != "0" {
				return fmt.Errorf("it has %s connections (%w)", count, err)
			}
			return nil
		})
		if c.code != 0 {
			if err := command.Process.Signal(os.Interrupt); err != nil {
				p.Fatal(err)
			}
		}
		_ = command.Wait()
		if code := command.ProcessState.ExitCode(); code != c.code || strings.Count(out.String(), "\n") > 2 {
			p.Errorf("a pause of %s ended with %d: %s", c.duration, code, out.String())
		}
		if active, err := ask[struct{ NetworkActive bool }](p.testEnv, pod, "getnetworkinfo"); err != nil || !active.NetworkActive {
			p.Errorf("after a pause of %s, %s is active: %t (%v)", c.duration, pod, active.NetworkActive, err)
		}
	}
	// An interrupted command does not wait for the connections.
	p.eventually("the connections of all nodes", readyTimeout, func() error {
		connected, err := p.connections(name, 4, firstOf(4)...)
		for i := range connected {
			if len(connected[i]) != 3 {
				err = fmt.Errorf("node %d is connected with %v", i, connected[i])
			}
		}
		return err
	})
	p.exactly(name, 4, others(4))
}
