package controller

import (
	"context"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/backoff"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// onChains are nodes with these chains. Each letter is a block, and the hash of the tip is the whole string; a node with an
// empty chain does not answer.
func onChains(chains ...string) []node {
	nodes := make([]node, len(chains))
	for i, chain := range chains {
		nodes[i].ordinal = i
		if chain != "" {
			nodes[i].answer = &answer{chain: bitcoind.ChainInfo{Blocks: int64(len(chain)), BestBlockHash: chain}}
		}
	}
	return nodes
}

// allPodsReady are the nodes with ready pods.
func allPodsReady(nodes []node) []node {
	for i := range nodes {
		nodes[i].podReady = true
	}
	return nodes
}

// healthy is a network of three nodes without any problem, and what a pass observes of it.
func healthy() (*v1.BitcoinNetwork, *policyInputs) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "n", Generation: 1}, Spec: v1.BitcoinNetworkSpec{Nodes: 3}}
	groups := resources.Groups(network, "image")
	in := &policyInputs{
		now:         time.Unix(1_000_000, 0),
		objects:     appliedObjects{groups: groups, sets: map[string]*appsv1.StatefulSet{"n-sts": {ObjectMeta: metav1.ObjectMeta{Name: "n-sts"}}}},
		nodes:       allPodsReady(onChains("a", "a", "a")),
		connections: connections{desired: make([]topology.Edge, 3), existing: 3},
	}
	for i := range in.nodes {
		in.nodes[i].group, in.nodes[i].podName = groups[0], groups[0].PodName(i)
		in.nodes[i].pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: in.nodes[i].podName}}
	}
	in.chains = compareTips(tipsOf(in.nodes), nil)
	return network, in
}

// evaluate returns the conditions without a grace period.
func evaluate(in *policyInputs) conditionSet {
	return deriveConditions(nodesReadyPolicies.Evaluate(in), connectedPolicies.Evaluate(in), syncedPolicies.Evaluate(in), in.stalledIn())
}

// behindOf is a copy of what is known of a node that is behind its peers; nil for one that is not.
func (s *sharedState) behindOf(n *node) *behindNode {
	s.mu.Lock()
	defer s.mu.Unlock()
	behind := s.nodes[n.key()].behind
	if behind == nil {
		return nil
	}
	known := *behind
	return &known
}

func testNetwork(spec v1.BitcoinNetworkSpec) *v1.BitcoinNetwork {
	return &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1", Generation: 1}, Spec: spec}
}

func testCredential(*v1.BitcoinNetwork) bitcoind.Credential {
	return bitcoind.DeriveCredential(make([]byte, 32), "1")
}

// fakeAPI is a reconciler with a fake API server that has these objects. A create, an apply and a patch of an object of the network fail
// if reject returns an error for them.
func fakeAPI(t *testing.T, reject func(verb, name string) error, objects ...client.Object) *Reconciler {
	t.Helper()
	return fakeAPIWith(t, interceptor.Funcs{
		Create: func(ctx context.Context, next client.WithWatch, object client.Object, options ...client.CreateOption) error {
			if err := reject("create", object.GetName()); err != nil {
				return err
			}
			return next.Create(ctx, object, options...)
		},
		Apply: func(ctx context.Context, next client.WithWatch, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := reject("apply", nameOf(object)); err != nil {
				return err
			}
			return next.Apply(ctx, object, options...)
		},
		Patch: func(ctx context.Context, next client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := reject("patch", object.GetName()); err != nil {
				return err
			}
			return next.Patch(ctx, object, patch, options...)
		},
	}, objects...)
}

func nameOf(object runtime.ApplyConfiguration) string {
	if typed, ok := object.(interface{ GetName() *string }); ok {
		return *typed.GetName()
	}
	return object.(interface{ GetName() string }).GetName()
}

func fakeAPIWith(t *testing.T, faults interceptor.Funcs, objects ...client.Object) *Reconciler {
	t.Helper()
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1.AddToScheme} {
		if err := add(kinds); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(kinds).WithObjects(objects...).WithStatusSubresource(&v1.BitcoinNetwork{}).WithReturnManagedFields()
	for _, kind := range []client.Object{&corev1.Pod{}, &corev1.Service{}, &corev1.ConfigMap{}, &appsv1.StatefulSet{}, &policyv1.PodDisruptionBudget{}} {
		builder.WithIndex(kind, indexNetwork, func(object client.Object) []string { return []string{resources.NetworkOf(object.GetLabels())} })
	}
	api := builder.WithInterceptorFuncs(faults).Build()
	return &Reconciler{client: api, live: api, recorder: events.NewFakeRecorder(100), budgets: true, retries: backoff.NewRetries(minBackoff, maxRetryInterval), settings: resources.Settings{NodeImage: "nodes:1", Credential: testCredential}}
}

func acceptAll(string, string) error { return nil }

func address(node int) string { return fmt.Sprintf("10.0.0.%d", node+1) }
