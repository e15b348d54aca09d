package apiserver_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	action4 "helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// documentedNodes is the line of docs/networks.md that keeps the number of nodes of the cluster.
func documentedNodes(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ +nodes: \{\{ .*lookup.* \}\}$`).FindString(string(text))
	if line == "" {
		t.Fatal("docs/networks.md does not show how a chart keeps the number of nodes")
	}
	return line
}

// helmNetwork installs or upgrades a chart with the network my-network, whose spec has this line.
func (h helm) helmNetwork(t *testing.T, upgrade bool, nodes string) error {
	t.Helper()
	network := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "net", Version: "0.1.0"},
		Templates: []*common.File{{Name: "templates/network.yaml", Data: []byte(`apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: my-network}
spec:
` + nodes)}},
	}
	var err error
	if upgrade {
		a := action4.NewUpgrade(h.four(t))
		a.Namespace, a.WaitStrategy, a.ForceConflicts = h.ns.Name, kube.HookOnlyStrategy, h.forceConflicts
		_, err = a.RunWithContext(t.Context(), "net", network, nil)
		return err
	}
	a := action4.NewInstall(h.four(t))
	a.ReleaseName, a.Namespace, a.WaitStrategy = "net", h.ns.Name, kube.HookOnlyStrategy
	_, err = a.RunWithContext(t.Context(), network, nil)
	return err
}

func TestAScaledNetworkInAChartIsUpgradedAsDocumented(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes          string
		forceConflicts bool
		conflict       string
		want           int32
	}{
		"a number":            {nodes: "  nodes: 3", conflict: `conflict with "kubectl" with subresource "scale"`, want: 4},
		"a number by force":   {nodes: "  nodes: 3", forceConflicts: true, want: 3},
		"that of the cluster": {nodes: documentedNodes(t), want: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			h := helm{ns: ns, forceConflicts: c.forceConflicts}
			if err := h.helmNetwork(t, false, c.nodes); err != nil {
				t.Fatalf("install: %v", err)
			}
			net := ns.Network("my-network")
			network := net.Get()
			if network.Spec.Nodes != 3 {
				t.Fatalf("%d nodes are installed, want 3", network.Spec.Nodes)
			}
			scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 4}}
			if err := ns.Client.SubResource("scale").Update(t.Context(), network, client.WithSubResourceBody(scale), client.FieldOwner("kubectl")); err != nil {
				t.Fatal(err)
			}
			err := h.helmNetwork(t, true, c.nodes+"\n  config: {maxmempool: \"20\"}")
			if c.conflict == "" && err != nil || c.conflict != "" && !strings.Contains(fmt.Sprint(err), c.conflict) {
				t.Errorf("upgrade: %v, want %q", err, c.conflict)
			}
			if got := net.Get().Spec.Nodes; got != c.want {
				t.Errorf("%d nodes after the upgrade, want %d", got, c.want)
			}
		})
	}
}
