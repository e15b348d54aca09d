//go:build e2e

package network

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// pluginRights are all that the plugin needs, those of its documentation. The role edit has more: also Secrets.
var pluginRights = []rbacv1.PolicyRule{
	{APIGroups: []string{v1.GroupName}, Resources: []string{"bitcoinnetworks"}, Verbs: []string{"get", "list", "watch", "create", "patch"}},
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch", "delete"}},
	{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
	{APIGroups: []string{""}, Resources: []string{"pods/exec", "pods/portforward"}, Verbs: []string{"create", "get"}},
}

// plugin is that of a user in the namespace of a test.
type plugin struct {
	*testEnv
	e2e.Plugin
}

func (env *testEnv) plugin(user string, rules []rbacv1.PolicyRule) plugin {
	env.Helper()
	return plugin{env, e2e.NewPlugin(env, &cluster, env.namespace, user, rules)}
}

func TestThePluginCreatesANetworkAndGivesCoins(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, 3)
	p := env.plugin("bob", pluginRights)
	p.Does("create", "coins", "--nodes", "3", "--topology", "ring", "--wait", "--timeout", "5m")
	env.exactly("coins", 3, others(3))
	if tree := p.Does("tree", "coins"); !strings.Contains(tree, "3 of 3 nodes ready, Ring with 3 of 3 connections, height 0") ||
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
	p.Does("fund", "coins", address, "10.00000001")
	p.Does("fund", "coins/1", address, "1000sat")
	env.hasCoins("coins-sts-2", "person", "10.00001001")
	p.Does("mine", "coins/2", "3", "--to", address)
	env.allHave("coins", 101+1+101+1+3)
	p.callsAllNodes("coins", address)

	// Without storage the wallet is lost with the pod, and has its coins again.
	before := p.walletOf("coins")
	p.Does("kill", "coins/0")
	if after := p.walletOf("coins"); after != before || before == "0.00000000" {
		t.Errorf("the wallet has %s after the loss of its pod, and had %s", after, before)
	}
	env.exactly("coins", 3, others(3))
}

// walletOf is what the wallet of node 0 can spend.
func (p plugin) walletOf(name string) string {
	p.Helper()
	var wallet struct{ Trusted json.Number }
	if err := json.Unmarshal([]byte(p.Does("wallet", name, "-o", "json")), &wallet); err != nil {
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
	if err := json.Unmarshal([]byte(p.Does("cli", name, "--all", "getbestblockhash")), &answers); err != nil {
		p.Fatal(err)
	}
	for i, answer := range answers {
		if len(answers) != 3 || answer.Result != best || answer.Pod != fmt.Sprintf("%s-sts-%d", name, i) {
			p.Errorf("the answers are %+v, and the best block is %s", answers, best)
		}
	}
	if got := p.Does("cli", name+"/2", "-named", "-rpcwallet=person", "getreceivedbyaddress", "address="+address, "minconf=1"); got != "10.00001001" {
		p.Errorf("the address has received %s", got)
	}
	if _, errOut, code := p.Try("cli", name, "getblockhash", "9999"); code != 8 || !strings.Contains(errOut, "error code: -8") {
		p.Errorf("an error of bitcoind ended with %d: %s", code, errOut)
	}
}

func TestThePluginCausesWhatChainsDo(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	p := env.plugin("bob", pluginRights)
	env.create(network("chain", 4))
	env.ready("chain", readyTimeout)
	p.Does("mine", "chain", "5")
	p.Does("partition", "chain", "0,1", "2,3")
	env.exactly("chain", 4, neighbours([]topology.Edge{{A: 0, B: 1}, {A: 2, B: 3}}))
	p.Does("mine", "chain/0", "1")
	p.Does("mine", "chain/3", "2")
	if heights := ofEach(env, "chain", 4, func(pod string) (string, error) { return env.cli(pod, "getblockcount") }); !slices.Equal(heights, []string{"6", "6", "7", "7"}) {
		t.Errorf("the heights are %v", heights)
	}
	p.Does("heal", "chain")
	env.exactly("chain", 4, others(4))
	env.allHave("chain", 7)
	old, err := env.cli("chain-sts-2", "getbestblockhash")
	if err != nil {
		t.Fatal(err)
	}
	p.Does("reorg", "chain/1", "--depth", "3")
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
	p.keepsPayments("chain", 3)
}

// keepsPayments checks that a payment is mined again after a reorganisation, also one of a block that is deeper than bitcoind keeps the
// transactions of.
func (p plugin) keepsPayments(name string, node int) {
	p.Helper()
	pod := fmt.Sprintf("%s-sts-%d", name, node)
	p.Does("cli", fmt.Sprintf("%s/%d", name, node), "createwallet", "payee")
	address := p.Does("cli", fmt.Sprintf("%s/%d", name, node), "-rpcwallet=payee", "getnewaddress")
	p.Does("fund", name, address, "1.5")
	received := func() (string, error) {
		return p.testEnv.cli(pod, "-named", "-rpcwallet=payee", "getreceivedbyaddress", "address="+address, "minconf=1")
	}
	p.Does("mine", name, "20")
	p.Does("reorg", name, "--depth", "21")
	if got, err := received(); err != nil || got != "1.50000000" {
		p.Errorf("after a reorganisation of 21 blocks the payee has %s (%v)", got, err)
	}
}

// pauses checks that a node has no connections during a pause, also one that is interrupted, and has them afterwards.
func (p plugin) pauses(name, pod string) {
	p.Helper()
	for _, c := range []struct {
		duration string
		code     int
	}{{max(15*time.Second, e2e.LimitFactor()*5*time.Second).String(), 0}, {"1h", 130}} { // a check takes seconds on a busy machine
		command := p.Command("pause", name+"/"+pod, c.duration)
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
