package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// storedLightning is a LightningNetwork of two nodes with volumes of a class that can or cannot be expanded.
func storedLightning(t *testing.T, expands bool) *apiserver.Lightning {
	t.Helper()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	class := storageClass(t, ns, expands)
	return ns.CreateLightning("ln", v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 2, Storage: &v1.LightningStorage{StorageClassName: &class}})
}

func lightningSize(size string) func(*v1.LightningNetwork) {
	return func(n *v1.LightningNetwork) { n.Spec.Storage.Size = ptr.To(resource.MustParse(size)) }
}

// claimsRequest returns an error unless the claims of so many nodes request a size.
func claimsRequest(ln *apiserver.Lightning, nodes int, want string) error {
	for i := range nodes {
		claim := &corev1.PersistentVolumeClaim{}
		ln.Read("data-"+ln.PodName(i), claim)
		if size := claim.Spec.Resources.Requests[corev1.ResourceStorage]; size.String() != want {
			return fmt.Errorf("claim %d requests %s", i, size.String())
		}
	}
	return nil
}

func TestClaimsOfALightningNetworkGrowInAClassThatExpands(t *testing.T) {
	t.Parallel()
	ln := storedLightning(t, true)
	ln.WaitReady()
	ln.Update(lightningSize("2Gi"))
	ln.Eventually("the claims to grow", func(*v1.LightningNetwork) error { return claimsRequest(ln, 2, "2Gi") })
	// A new claim comes from the template, which is immutable, and grows too.
	ln.Update(func(n *v1.LightningNetwork) { n.Spec.Nodes = 3 })
	ln.WaitReady()
	ln.Eventually("the third claim to grow", func(*v1.LightningNetwork) error { return claimsRequest(ln, 3, "2Gi") })
}

func TestAClassThatDoesNotExpandStallsALightningNetwork(t *testing.T) {
	t.Parallel()
	ln := storedLightning(t, false)
	ln.WaitReady()
	ln.Update(lightningSize("2Gi"))
	network := ln.WaitCondition(v1.LightningConditionStalled, metav1.ConditionTrue, v1.LightningReasonStorageNotExpanded)
	if c := meta.FindStatusCondition(network.Status.Conditions, v1.LightningConditionStalled); !strings.Contains(c.Message, "the claim of Pod ln-lnd-0 cannot be expanded to 2Gi") {
		t.Errorf("the message is %s", c.Message)
	}
	ln.WaitReady()
	ln.Update(lightningSize("1Gi"))
	ln.WaitCondition(v1.LightningConditionStalled, metav1.ConditionFalse, "")
}

func TestALightningNetworkOnSeveralClusterNodesHasADisruptionBudget(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	alone := ns.CreateLightning("alone", v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 2})
	alone.WaitReady()
	ns.SpreadPods()
	ln := ns.CreateLightning("ln", v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 2})
	budget := &policyv1.PodDisruptionBudget{}
	ln.Eventually("a budget", func(*v1.LightningNetwork) error {
		return ns.Client.Get(t.Context(), client.ObjectKey{Namespace: ns.Name, Name: "ln-lnd-pdb"}, budget)
	})
	pods := &corev1.PodList{}
	if err := ns.Client.List(t.Context(), pods, client.InNamespace(ns.Name), client.MatchingLabels(budget.Spec.Selector.MatchLabels)); err != nil {
		t.Fatal(err)
	}
	if budget.Spec.MaxUnavailable.IntValue() != 1 || len(pods.Items) != 2 || !metav1.IsControlledBy(budget, ln.Get()) {
		t.Errorf("%+v selects %d pods", budget.Spec, len(pods.Items))
	}
	ln.WaitReady()
	if err := ns.Client.Get(t.Context(), client.ObjectKey{Namespace: ns.Name, Name: "alone-lnd-pdb"}, budget); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("on one cluster node: %v", err)
	}
	// It ends with its network's last cluster nodes.
	ln.Update(func(n *v1.LightningNetwork) { n.Spec.Nodes = 0 })
	ln.Eventually("no budget", func(*v1.LightningNetwork) error {
		if err := ns.Client.Get(t.Context(), client.ObjectKey{Namespace: ns.Name, Name: "ln-lnd-pdb"}, budget); err == nil {
			return errors.New("it exists")
		}
		return nil
	})
}

func TestTheStatusHasTheCredentialOfARotatedMasterKey(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	first, second := []byte(strings.Repeat("a", 32)), []byte(strings.Repeat("b", 32))
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true, MasterKey: first})
	ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	ln := ns.CreateLightning("ln", v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 2})
	accept := func(key []byte) func(*v1.LightningNetwork) error {
		return func(n *v1.LightningNetwork) error {
			want := bitcoind.DeriveCredential(key, string(n.UID)).Salt
			if len(n.Status.Nodes) != 2 || n.Status.Nodes[0].CredentialSalt != want || n.Status.Nodes[1].CredentialSalt != want {
				return fmt.Errorf("%+v", n.Status.Nodes)
			}
			return nil
		}
	}
	ln.Eventually("the first key", accept(first))
	if err := op.Stop(); err != nil {
		t.Fatal(err)
	}
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true, MasterKey: second, PreviousKey: first})
	ln.Eventually("the second key", accept(second))
	ln.WaitReady()
}
