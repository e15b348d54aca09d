package chart_test

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// allowed reports whether a policy lets pods with these labels in at a port.
func allowed(t *testing.T, policy networkingv1.NetworkPolicySpec, from labels.Set, port int32) bool {
	t.Helper()
	return slices.ContainsFunc(policy.Ingress, func(rule networkingv1.NetworkPolicyIngressRule) bool {
		peer := slices.ContainsFunc(rule.From, func(p networkingv1.NetworkPolicyPeer) bool {
			selector, err := metav1.LabelSelectorAsSelector(p.PodSelector)
			if err != nil {
				t.Fatal(err)
			}
			return selector.Matches(from)
		})
		return peer && slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool {
			return p.Port.IntVal <= port && port <= ptr.Deref(p.EndPort, p.Port.IntVal)
		})
	})
}

// LND reaches its bitcoind and the other LNDs, the operator the agents, and peers of the chart's user what people call.
func TestPoliciesOfLightningNetworks(t *testing.T) {
	const protected = "networkPolicy: {networks: {enabled: true, from: [{podSelector: {matchLabels: {app: wallet}}}]}}"
	objects := release{}.objects(t, lightningOn+protected)
	policy := func(name string) networkingv1.NetworkPolicySpec {
		return as[networkingv1.NetworkPolicy](t, find(t, objects, "NetworkPolicy", name)).Spec
	}
	nodes, lnds := policy("bitcoin-controller-networks"), policy("bitcoin-controller-lightning")
	lnd, operator, wallet := labels.Set(lightning.Labels("ln")), labels.Set(pods(t, objects)["Deployment"].Labels), labels.Set{"app": "wallet"}
	if selector, err := metav1.LabelSelectorAsSelector(&lnds.PodSelector); err != nil || !selector.Matches(lnd) || selector.Matches(nodeLabels("ln")) {
		t.Errorf("%v does not select the pods of LND alone, %v", lnds.PodSelector, err)
	}
	for name, test := range map[string]struct {
		policy  networkingv1.NetworkPolicySpec
		from    labels.Set
		port    int32
		allowed bool
	}{
		"LND to RPC":                 {nodes, lnd, v1.RPCPort, true},
		"LND to the last node's RPC": {nodes, lnd, v1.PortInSlot(v1.RPCPort, v1.MaxNodesPerPod-1), true},
		"LND to ZMQ":                 {nodes, lnd, v1.PortInSlot(v1.ZMQRawTxPort, v1.MaxNodesPerPod-1), true},
		"LND to the supervisor":      {nodes, lnd, 18330, false},
		"LND to LND":                 {lnds, lnd, v1.LightningP2PPort, true},
		"LND to an agent":            {lnds, lnd, v1.LightningAgentPort, false},
		"LND to gRPC":                {lnds, lnd, v1.LightningGRPCPort, false},
		"the operator to an agent":   {lnds, operator, v1.LightningAgentPort, true},
		"the operator to gRPC":       {lnds, operator, v1.LightningGRPCPort, false},
		"a wallet to gRPC":           {lnds, wallet, v1.LightningGRPCPort, true},
		"a wallet to REST":           {lnds, wallet, v1.LightningRESTPort, true},
		"a wallet as a peer":         {lnds, wallet, v1.LightningP2PPort, true},
		"a wallet to an agent":       {lnds, wallet, v1.LightningAgentPort, false},
	} {
		if got := allowed(t, test.policy, test.from, test.port); got != test.allowed {
			t.Errorf("%s is allowed: %v", name, got)
		}
	}
	for _, u := range (release{}).objects(t, protected) {
		if u.GetName() == "bitcoin-controller-lightning" {
			t.Error("there is a policy without lightning.enabled")
		}
	}
}
