//go:build e2e

package network

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lightningRights are what `kubectl btcnet ln` needs besides pluginRights.
var lightningRights = rbacv1.PolicyRule{APIGroups: []string{v1.GroupName}, Resources: []string{"lightningnetworks"}, Verbs: []string{"get", "list", "create"}}

// lightningTimeout is for three nodes and two channels.
const lightningTimeout = 5 * time.Minute

// needLightning ends a test in a cluster whose chart is installed without lightning.enabled.
func needLightning(t *testing.T) {
	t.Helper()
	needCluster(t)
	list, err := cluster.core.Discovery().ServerResourcesForGroupVersion(v1.SchemeGroupVersion.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range list.APIResources {
		if resource.Name == "lightningnetworks" {
			return
		}
	}
	testtools.Missing(t, "the chart is installed without lightning.enabled=true")
}

// lncli calls lncli in a pod, without the plugin.
func (env *testEnv) lncli(pod string, args ...string) []byte {
	env.Helper()
	request := cluster.core.CoreV1().RESTClient().Post().Resource("pods").Namespace(env.namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "lnd", Command: append([]string{"lncli"}, args...), Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(cluster.config, "POST", request.URL())
	if err != nil {
		env.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if err := executor.StreamWithContext(env.Context(), remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}); err != nil {
		env.Fatalf("lncli %s in %s: %v: %s", strings.Join(args, " "), pod, err, errOut.String())
	}
	return out.Bytes()
}

// channelBalance is what a node has in its channels, as LND itself reports it.
func (env *testEnv) channelBalance(pod string) (satoshis int64) {
	env.Helper()
	var balance struct {
		Local struct {
			Sat int64 `json:"sat,string"`
		} `json:"local_balance"`
	}
	env.decode(env.lncli(pod, "channelbalance"), &balance)
	return balance.Local.Sat
}

func (env *testEnv) decode(raw []byte, into any) {
	env.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		env.Fatalf("%v: %s", err, raw)
	}
}

// Node 0 pays node 2 through node 1, and LND is asked again without the plugin.
func TestThePluginPaysOverTwoHops(t *testing.T) {
	needLightning(t)
	env := newEnv(t, 6)
	p := env.plugin("bob", append(slices.Clone(pluginRights), lightningRights))
	env.create(network("coins", 3))
	env.ready("coins", readyTimeout)
	p.does("ln", "create", "ln", "--bitcoin-network", "coins", "--nodes", "3", "--channel", "0-1:1000000,push=200000", "--channel", "1-2:500000",
		"--wait", "--timeout", lightningTimeout.String())
	before := env.channelBalance("ln-lnd-2")
	var paid struct {
		FeeMsat     int64
		PaymentHash string
		Routes      []struct{ Hops []struct{ Node int } }
	}
	env.decode([]byte(p.does("ln", "pay", "ln", "0", "2", "1000", "-o", "json")), &paid)
	if len(paid.Routes) != 1 || len(paid.Routes[0].Hops) != 2 || paid.Routes[0].Hops[0].Node != 1 || paid.Routes[0].Hops[1].Node != 2 || paid.FeeMsat <= 0 {
		t.Errorf("it reports %+v", paid)
	}
	var invoice struct {
		State string `json:"state"`
		Paid  int64  `json:"amt_paid_sat,string"`
	}
	env.decode(env.lncli("ln-lnd-2", "lookupinvoice", paid.PaymentHash), &invoice)
	if after := env.channelBalance("ln-lnd-2"); after != before+1000 || invoice.State != "SETTLED" || invoice.Paid != 1000 {
		t.Errorf("node 2 has %d satoshis and had %d; LND has the invoice as %+v", after, before, invoice)
	}
	p.reportsLightning()
	if _, errOut, code := p.run("ln", "pay", "ln", "0", "2", "900000"); code != 1 || !strings.Contains(errOut, "FAILURE_REASON_") || strings.Contains(errOut, "\n") {
		t.Errorf("a payment that is too large ended with %d: %s", code, errOut)
	}
	request := p.does("ln", "invoice", "ln/1", "500", "--memo", "coffee")
	p.does("ln", "cli", "ln/0", "payinvoice", "--force", "--json", request)
	if _, errOut, code := p.run("ln", "cli", "ln/0", "payinvoice", "--force", request); code != 1 || !strings.Contains(errOut, "already paid") {
		t.Errorf("the same invoice again ended with %d: %s", code, errOut)
	}
}

// reportsLightning compares what the plugin prints of the network ln with what LND itself reports.
func (p plugin) reportsLightning() {
	p.Helper()
	var balances []struct {
		Pod   string
		Local int64
	}
	p.decode([]byte(p.does("ln", "balances", "ln", "-o", "json")), &balances)
	for i, balance := range balances {
		if want := p.channelBalance(fmt.Sprint("ln-lnd-", i)); len(balances) != 3 || balance.Local != want {
			p.Errorf("the balances are %+v, and node %d has %d", balances, i, want)
		}
	}
	var channels []struct {
		From, To       string
		Wanted, Active bool
		Point          string
	}
	p.decode([]byte(p.does("ln", "channels", "ln", "-o", "json")), &channels)
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
		if len(channels) != 2 || !channel.Wanted || !channel.Active || !known {
			p.Errorf("the channels are %+v, and node 1 has %+v", channels, listed)
		}
	}
	if dot := p.does("ln", "graph", "ln", "-o", "dot"); strings.Count(dot, " -- ") != 2 {
		p.Errorf("the graph is %s", dot)
	}
	if tree := p.does("tree", "coins"); !strings.Contains(tree, "Lightning network ln: Ready, 3 of 3 nodes ready, 2 of 2 channels active") {
		p.Errorf("the tree is %s", tree)
	}
	var answers []struct{ Pod string }
	p.decode([]byte(p.does("ln", "cli", "ln", "--all", "getinfo")), &answers)
	if len(answers) != 3 {
		p.Errorf("the answers are %+v", answers)
	}
}
