//go:build e2e

package lightning

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// pluginTimeout is for three nodes and two channels, while other tests run.
const pluginTimeout = 5 * time.Minute

// documentedRights are those of docs/kubectl.md: the least that all commands need.
func documentedRights() ([]rbacv1.PolicyRule, error) {
	text, err := os.ReadFile("../../docs/kubectl.md")
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(text), "\n```yaml\nrules:\n")
	rules, _, closed := strings.Cut(rest, "\n```\n")
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte("rules:\n"+rules), &role); err != nil {
		return nil, fmt.Errorf("the rules in docs/kubectl.md: %w", err)
	}
	if !closed || len(role.Rules) == 0 {
		return nil, errors.New("docs/kubectl.md has no rules")
	}
	return role.Rules, nil
}

// plugin is that of a user in the namespace of a test.
type plugin struct {
	*testEnv
	e2e.Plugin
}

func (env *testEnv) plugin(user string) plugin {
	env.Helper()
	rights, err := documentedRights()
	if err != nil {
		env.Fatal(err)
	}
	return plugin{env, e2e.NewPlugin(env, &cluster, env.namespace, user, rights)}
}

// lncli calls lncli in a pod, without the plugin.
func (p plugin) lncli(pod string, args ...string) []byte {
	p.Helper()
	out, err := p.exec(pod, "lnd", append([]string{"lncli"}, args...)...)
	if err != nil {
		p.Fatal(err)
	}
	return []byte(out)
}

// channelBalance is what a node has in its channels, as LND itself reports it. A payment is in none of the balances until both ends of each
// channel have taken it over, which is after the payer has its proof.
func (p plugin) channelBalance(pod string) (satoshis int64) {
	p.Helper()
	type amount struct {
		Sat int64 `json:"sat,string"`
	}
	p.eventually("no payment to be under way in the channels of "+pod, time.Minute, func() error {
		var balance struct {
			Local           amount `json:"local_balance"`
			UnsettledLocal  amount `json:"unsettled_local_balance"`
			UnsettledRemote amount `json:"unsettled_remote_balance"`
		}
		p.decode(p.lncli(pod, "channelbalance"), &balance)
		if balance.UnsettledLocal.Sat != 0 || balance.UnsettledRemote.Sat != 0 {
			return fmt.Errorf("the balance is %+v", balance)
		}
		satoshis = balance.Local.Sat
		return nil
	})
	return satoshis
}

func (p plugin) decode(raw []byte, into any) {
	p.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		p.Fatalf("%v: %s", err, raw)
	}
}

// Node 0 pays node 2 through node 1, and LND is asked again without the plugin.
func TestThePluginPaysOverTwoHops(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 6)
	p := env.plugin("bob")
	p.Does("create", "coins", "--nodes", "3", "--wait", "--timeout", pluginTimeout.String())
	p.Does("ln", "create", "ln", "--bitcoin-network", "coins", "--nodes", "3", "--channel", "0-1:1000000,push=200000", "--channel", "1-2:500000",
		"--wait", "--timeout", pluginTimeout.String())
	before := p.channelBalance("ln-lnd-2")
	var paid struct {
		FeeMsat     int64
		PaymentHash string
		Routes      []struct{ Hops []struct{ Node int } }
	}
	p.decode([]byte(p.Does("ln", "pay", "ln", "0", "2", "1000", "-o", "json")), &paid)
	if len(paid.Routes) != 1 || len(paid.Routes[0].Hops) != 2 || paid.Routes[0].Hops[0].Node != 1 || paid.Routes[0].Hops[1].Node != 2 || paid.FeeMsat <= 0 {
		t.Errorf("it reports %+v", paid)
	}
	var invoice struct {
		State string `json:"state"`
		Paid  int64  `json:"amt_paid_sat,string"`
	}
	p.decode(p.lncli("ln-lnd-2", "lookupinvoice", paid.PaymentHash), &invoice)
	if after := p.channelBalance("ln-lnd-2"); after != before+1000 || invoice.State != "SETTLED" || invoice.Paid != 1000 {
		t.Errorf("node 2 has %d satoshis and had %d; LND has the invoice as %+v", after, before, invoice)
	}
	p.reportsLightning()
	if _, errOut, code := p.Try("ln", "pay", "ln", "0", "2", "900000"); code != 1 || !strings.Contains(errOut, "FAILURE_REASON_") || strings.Contains(errOut, "\n") {
		t.Errorf("a payment that is too large ended with %d: %s", code, errOut)
	}
	request := p.Does("ln", "invoice", "ln/1", "500", "--memo", "coffee")
	p.Does("ln", "cli", "ln/0", "payinvoice", "--force", "--json", request)
	if _, errOut, code := p.Try("ln", "cli", "ln/0", "payinvoice", "--force", request); code != 1 || !strings.Contains(errOut, "already paid") {
		t.Errorf("the same invoice again ended with %d: %s", code, errOut)
	}
}

// reportsLightning compares what the plugin prints of the network ln with what LND itself reports.
func (p plugin) reportsLightning() {
	p.Helper()
	var want []int64
	for i := range 3 {
		want = append(want, p.channelBalance(fmt.Sprint("ln-lnd-", i)))
	}
	var balances []struct {
		Pod   string
		Local int64
	}
	p.decode([]byte(p.Does("ln", "balances", "ln", "-o", "json")), &balances)
	var has []int64
	for _, balance := range balances {
		has = append(has, balance.Local)
	}
	if !slices.Equal(has, want) {
		p.Errorf("the balances are %+v, and the nodes have %d", balances, want)
	}
	// A node that is busy may lose its peers for a while, and with them its channels.
	p.eventually("the channels that LND has", time.Minute, p.reportsChannels)
	if dot := p.Does("ln", "graph", "ln", "-o", "dot"); strings.Count(dot, " -- ") != 2 {
		p.Errorf("the graph is %s", dot)
	}
	p.eventually("the tree to have the Lightning network", time.Minute, func() error {
		if tree := p.Does("tree", "coins"); !strings.Contains(tree, "Lightning network ln: Ready, 3 of 3 nodes ready, 2 of 2 channels active") {
			return fmt.Errorf("the tree is %s", tree)
		}
		return nil
	})
	var answers []struct{ Pod string }
	p.decode([]byte(p.Does("ln", "cli", "ln", "--all", "getinfo")), &answers)
	if len(answers) != 3 {
		p.Errorf("the answers are %+v", answers)
	}
}

// reportsChannels returns an error unless the plugin reports two channels that are active, and node 1 has both.
func (p plugin) reportsChannels() error {
	p.Helper()
	var channels []struct {
		From, To       string
		Wanted, Active bool
		Point          string
	}
	p.decode([]byte(p.Does("ln", "channels", "ln", "-o", "json")), &channels)
	var listed struct {
		Channels []struct {
			Point string `json:"channel_point"`
		}
	}
	p.decode(p.lncli("ln-lnd-1", "listchannels"), &listed)
	for _, channel := range channels {
		known := slices.ContainsFunc(listed.Channels, func(c struct {
			Point string `json:"channel_point"`
		}) bool {
			return c.Point == channel.Point
		})
		if !channel.Wanted || !channel.Active || !known {
			return fmt.Errorf("the channels are %+v, and node 1 has %+v", channels, listed)
		}
	}
	if len(channels) != 2 {
		return fmt.Errorf("there are %d channels", len(channels))
	}
	return nil
}
