//go:build e2e

package network

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
	"github.com/christianb93/bitcoin-controller/test/rights"
)

// scenarioRights are all that scenarios need, those of docs/scenarios.md.
var scenarioRights = append([]rbacv1.PolicyRule{
	{APIGroups: []string{v1.GroupName}, Resources: []string{"bitcoinnetworks"}, Verbs: []string{"delete", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}},
	{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create", "delete"}},
	{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"create", "delete"}},
}, pluginRights...)

// passes runs a scenario, which must pass and leave nothing behind. Its steps wait as long as its author takes for enough, without another
// operator that starts meanwhile.
func (p plugin) passes(args ...string) {
	p.Helper()
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	p.passesDisturbed(args...)
}

// passesDisturbed is passes for a scenario of minutes. All of its steps that need the operator wait for minutes, too, and a restart takes
// seconds: without the lock, the tests that end the operator, and all that come after them, do not wait for the scenario.
func (p plugin) passesDisturbed(args ...string) {
	p.Helper()
	p.Logf("%s", p.Does(append([]string{"run"}, args...)...))
	p.nothingIsLeft()
}

// nothingIsLeft checks what a scenario creates.
func (p plugin) nothingIsLeft() {
	p.Helper()
	networks, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(p.namespace).List(p.Context(), metav1.ListOptions{})
	if err != nil {
		p.Fatal(err)
	}
	jobs, err := cluster.Core.BatchV1().Jobs(p.namespace).List(p.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=kubectl-btcnet"})
	if err != nil {
		p.Fatal(err)
	}
	maps, err := cluster.Core.CoreV1().ConfigMaps(p.namespace).List(p.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=kubectl-btcnet"})
	if err != nil {
		p.Fatal(err)
	}
	if len(networks.Items)+len(jobs.Items)+len(maps.Items) > 0 {
		p.Errorf("%d networks, %d Jobs and %d ConfigMaps are left", len(networks.Items), len(jobs.Items), len(maps.Items))
	}
}

// scaled are the limits of ready scenarios, for the machine of the test.
var scaled = map[string][]string{
	"lost-node": {"--set", "limit=" + (e2e.LimitFactor() * time.Minute).String()},
	"new-node":  {"--set", "limit=" + (e2e.LimitFactor() * 90 * time.Second).String()},
	"fee-spike": {"--set", "limit=" + (e2e.LimitFactor() * time.Minute).String()},
}

func TestTheReadyScenariosPass(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, nodes := range map[string]int{
		"wallet-reorg": 3, "offline-wallet": 3, "double-spend": 4, "selfish-mining": 4, "lost-node": 3, "new-node": 3, "fee-spike": 3,
	} {
		t.Run(name, func(t *testing.T) {
			newEnv(t, nodes).plugin("bob", scenarioRights).passes(append([]string{name}, scaled[name]...)...)
		})
	}
}

func TestTheLongScenariosPass(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	t.Run("slow-link", func(t *testing.T) { newEnv(t, 4).plugin("bob", scenarioRights).passes("slow-link") })
	t.Run("full-disk", func(t *testing.T) { newEnv(t, 3).plugin("bob", scenarioRights).passesDisturbed("full-disk") })
	t.Run("rolling-upgrade", func(t *testing.T) {
		env := newEnv(t, 4)
		env.create(network("other", 1))
		env.ready("other", readyTimeout)
		image := env.anotherImage("other-sts-0")
		if err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Delete(t.Context(), "other", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		env.plugin("bob", scenarioRights).passesDisturbed("rolling-upgrade", "--set", "image="+image)
	})
}

// edited is a ready scenario with something else in it.
func (p plugin) edited(name, from, to string) string {
	p.Helper()
	text := p.Does("run", "--show", name)
	if !strings.Contains(text, from) {
		p.Fatalf("%s has no %q", name, from)
	}
	file := filepath.Join(p.TempDir(), name+".yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(text, from, to, 1)+"\n"), 0o600); err != nil {
		p.Fatal(err)
	}
	return file
}

// What a scenario expects is broken on purpose: the new blocks are not empty, the attacker has no lead, the lost node has no neighbours.
func TestAScenarioFailsWithTheReason(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, c := range []struct {
		name, from, to, want string
		args                 []string
	}{
		{"wallet-reorg", ", empty: true}", "}", `wallet-reorg.yaml:\d+: step 6 \(the payment is unconfirmed again, and in every mempool\): expected [0-9a-f]{12} in the mempool of node \d to be present within 30s, and it is missing, since [\d.]+s`, nil},
		{"selfish-mining", "", "", `selfish-mining.yaml:\d+: step 7 \(the honest block is lost, and with it the reward\): expected .* in the best chain of node \d to be (present|absent) within 30s, and it is (missing|present), since [\d.]+s`,
			[]string{"--set", "lead=1"}},
		{"lost-node", "  - name: its pod is deleted", "  - partition: [\"1\"]\n  - name: its pod is deleted",
			`lost-node.yaml:\d+: step 5 \(it has the chain again\): .*expected the height of node 1 to be 120 within 1m0s, and it is 0, since [\d.]+m?[\d.]*s`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newEnv(t, 4).plugin("bob", scenarioRights)
			junit, timeline := filepath.Join(t.TempDir(), "junit.xml"), filepath.Join(t.TempDir(), "timeline.txt")
			_, errOut, code := p.Try(append([]string{"run", p.edited(c.name, c.from, c.to), "--junit", junit, "--timeline", timeline}, c.args...)...)
			t.Logf("it ended with %d: %s", code, errOut)
			if code != 1 || !regexp.MustCompile(c.want).MatchString(errOut) {
				t.Errorf("the message should match %s", c.want)
			}
			p.nothingIsLeft()
			for file, want := range map[string]string{junit: `failures="1"`, timeline: "NodesReady is True"} {
				if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%s lacks %q (%v):\n%s", filepath.Base(file), want, err, text)
				}
			}
		})
	}
}

// A network that exists has its nodes, options and partitions back, also when the scenario is interrupted.
func TestAnInterruptedScenarioRestoresTheNetworkThatItUses(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	p := env.plugin("bob", scenarioRights)
	n := network("used", 3)
	n.Spec.Config = v1.Config{"maxmempool": "60"}
	env.create(n)
	env.ready("used", readyTimeout)
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nsteps:\n- scale: {nodes: 4}\n- change: {config: {maxmempool: \"50\", blocksonly: \"0\"}, wait: false}\n- partition: [\"0\"]\n"+
		"- pause: {node: 1}\n- miners: {every: 1s, shares: {\"2\": 1}}\n- sleep: 1h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := p.Command("run", file, "--network", "used")
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	env.eventually("the pause of node 1", readyTimeout, func() error {
		if active, err := ask[struct{ NetworkActive bool }](env, "used-sts-1", "getnetworkinfo"); err != nil || active.NetworkActive {
			return fmt.Errorf("it is active: %t (%w)", active.NetworkActive, err)
		}
		return nil
	})
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	if code := command.ProcessState.ExitCode(); code != 130 || !strings.Contains(errOut.String(), "error: interrupted") {
		t.Errorf("it ended with %d: %s%s", code, out.String(), errOut.String())
	}
	spec := env.get("used").Spec
	if spec.Nodes != 3 || len(spec.Partitions) > 0 || len(spec.Config) != 1 || spec.Config["maxmempool"] != "60" {
		t.Errorf("the spec is %+v", spec)
	}
	env.ready("used", readyTimeout)
	env.exactly("used", 3, others(3))
}

func TestAScenarioRunsInTheCluster(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	ref := builtImage(env, "../..", "./cmd/kubectl-btcnet")
	p := env.plugin("bob", scenarioRights)
	if _, err := cluster.Core.CoreV1().ServiceAccounts(env.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "scenarios"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := rights.Grant(t.Context(), cluster.Core, env.namespace, "scenarios", rights.ServiceAccount(env.namespace, "scenarios"), scenarioRights); err != nil {
		t.Fatal(err)
	}
	junit := filepath.Join(t.TempDir(), "junit.xml")
	inside := []string{"--in-cluster", "--image", ref, "--service-account", "scenarios", "--junit", junit}
	p.passes(slices.Concat([]string{"lost-node"}, scaled["lost-node"], inside)...)
	out, errOut, code := p.Try(append([]string{"run", "selfish-mining", "--set", "lead=1"}, inside...)...)
	if code != 1 || !strings.Contains(out, "error: selfish-mining:") {
		t.Errorf("a failure ended with %d: %s%s", code, out, errOut)
	}
	if text, err := os.ReadFile(junit); err != nil || !strings.Contains(string(text), `failures="1"`) {
		t.Errorf("the report is %s (%v)", text, err)
	}
	p.nothingIsLeft()
}

func TestAScenarioRunsProgramsThatReachTheNodes(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	p := env.plugin("bob", scenarioRights)
	env.createForUser("served", 1)
	pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(t.Context(), "served-sts-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(`version: 1
steps:
- mine: {blocks: 3}
- command: {run: [bash, -c, "exec 3<>/dev/tcp/$(echo $BTCNET_NODE_0_P2P | tr : /) && echo connected"]}
  as: local
- container:
    image: %s
    command: [bitcoin-cli]
    arguments: [-regtest, -rpcconnect=served-sts-0.served-svc, -rpcport=18332, "-rpcuser=$(BC_RPC_USER)", "-rpcpassword=$(BC_RPC_PASSWORD)", getblockcount]
  as: height
- expect:
    values: {height: 3, local: connected}
`, pod.Spec.Containers[0].Image)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Logf("%s", p.Does("run", file, "--network", "served"))
}
