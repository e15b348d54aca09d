package controller

import (
	"context"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// server takes every object as it is sent, and has, of those that the cache does not, what belongs to nobody.
type server struct {
	client.Client
	applied *int
}

func (s server) Apply(_ context.Context, object runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	*s.applied++
	made := object.(interface {
		SetGeneration(generation int64)
		UnstructuredContent() map[string]any
	})
	made.SetGeneration(2)
	return unstructured.SetNestedField(made.UnstructuredContent(), int64(1), "status", "observedGeneration")
}

func (server) Get(_ context.Context, key client.ObjectKey, there client.Object, _ ...client.GetOption) error {
	there.SetName(key.Name)
	return nil
}

func TestAChangeIsJudgedByWhatTheServerMadeOfIt(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1", Generation: 2}, Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	settings := resources.Settings{NodeImage: "nodes:1", Credential: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.DeriveCredential(make([]byte, 32), "1") }}
	old := setOf(t, network, settings)
	network.Spec.Image = "nodes:2"
	wanted := setOf(t, network, settings)
	applied := 0
	r := &Reconciler{client: server{applied: &applied}, live: server{}}
	l := &look{
		network: network, memory: newMemories().of(network),
		sets: map[string]*appsv1.StatefulSet{old.Name: old}, wanted: map[string]*appsv1.StatefulSet{wanted.Name: wanted},
	}
	l.watchChanged()
	if err := r.applyObject(t.Context(), l, keyOf(wanted), wanted, old); err != nil || applied != 1 {
		t.Fatalf("applied %d times, %v", applied, err)
	}
	if got := l.sets[old.Name].Spec.Template; !reflect.DeepEqual(got.Spec.Containers[0].Image, "nodes:2") {
		t.Errorf("the rest of the look sees a template with %s", got.Spec.Containers[0].Image)
	}
	if rollout(l.sets[old.Name], 1) == "" {
		t.Error("the rest of the look takes it that the new template has been rolled out")
	}
	// Not in the cache, and somebody else's.
	if err := r.applyObject(t.Context(), l, keyOf(wanted), wanted, nil); err != nil || applied != 1 || l.refused == nil || l.refused.reason != v1.ReasonNameTaken {
		t.Errorf("applied %d times, refused %v, %v", applied, l.refused, err)
	}
}

// After a restart of the operator, in a network in which nothing happens, a partition that comes is told.
func TestAPartitionAfterARestartIsTold(t *testing.T) {
	l := healthy()
	for i := range l.nodes {
		l.nodes[i].group = l.groups[0]
	}
	recorder := events.NewFakeRecorder(10)
	r := &Reconciler{recorder: recorder}
	r.fill(&l.network.Status, l)
	before := l.network.DeepCopy()
	if err := r.report(t.Context(), before, l); err != nil {
		t.Fatal(err)
	}
	l.network.Spec.Partitions = []v1.Partition{{Nodes: []int32{0}}}
	r.tell(before, l)
	if len(recorder.Events) != 1 || !strings.Contains(<-recorder.Events, "Partitioned") {
		t.Error("nobody is told of the partition")
	}
}

// The first look patches the status, and the second still gets the network from a cache that has not seen it.
func TestATransitionIsToldOnceThoughTheCacheIsLate(t *testing.T) {
	l := healthy()
	l.network.ResourceVersion = "9"
	for i := range l.nodes {
		l.nodes[i].group = l.groups[0]
	}
	recorder := events.NewFakeRecorder(10)
	r := &Reconciler{recorder: recorder, client: patched{version: "11"}}
	for _, cached := range []string{"9", "10", "11"} {
		before := l.network.DeepCopy()
		before.ResourceVersion, before.Status = cached, v1.BitcoinNetworkStatus{}
		if cached == "11" {
			before.Status = *l.memory.snapshot.status.DeepCopy()
		}
		l.memory.rejoin(before)
		l.network.Status = *before.Status.DeepCopy()
		if err := r.report(t.Context(), before, l); err != nil {
			t.Fatal(err)
		}
		// Created, and the three nodes connected.
		if want := 2; len(recorder.Events) != want {
			t.Errorf("%d events after a look at version %s, want %d", len(recorder.Events), cached, want)
		}
	}
	if l.memory.written != nil {
		t.Error("what the cache has is remembered still")
	}
}

// patched is an API server that takes every patch of a status.
type patched struct {
	client.Client
	version string
}

func (p patched) Status() client.SubResourceWriter { return patchedStatus{version: p.version} }

type patchedStatus struct {
	client.SubResourceWriter
	version string
}

func (p patchedStatus) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	object.SetResourceVersion(p.version)
	return nil
}

func TestANoteIsNoLongerThanTheAPIServerTakes(t *testing.T) {
	l := healthy()
	before := l.network.DeepCopy()
	before.Status.ObservedGeneration = 1
	l.network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1.ReasonNodeFailing, Message: strings.Repeat("x", 5000)}}
	recorder := events.NewFakeRecorder(10)
	(&Reconciler{recorder: recorder}).tell(before, l)
	if told := <-recorder.Events; strings.Count(told, "x") != longestNote || !strings.HasPrefix(told, corev1.EventTypeWarning) {
		t.Errorf("a note of %d bytes", strings.Count(told, "x"))
	}
}
