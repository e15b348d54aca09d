package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	deleted  = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	retained = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
)

// startPod creates a running pod of the StatefulSet.
func (a *applied) startPod(name string, i int) {
	a.Helper()
	set := &appsv1.StatefulSet{}
	if err := a.r.client.Get(a.Context(), client.ObjectKey{Namespace: "ns", Name: name}, set); err != nil {
		a.Fatal(err)
	}
	pod := withAddresses(make([]node, i+1))[i].pod
	pod.Name, pod.Namespace = fmt.Sprintf("%s-%d", set.Name, i), set.Namespace
	pod.Labels = set.Spec.Selector.MatchLabels
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
	if err := a.r.client.Create(a.Context(), pod); err != nil {
		a.Fatal(err)
	}
}

func (a *applied) stopPod(i int) {
	a.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: fmt.Sprintf("net-sts-%d", i)}}
	if err := a.r.client.Delete(a.Context(), pod); err != nil {
		a.Fatal(err)
	}
}

func (a *applied) scale(nodes int32) {
	a.network.Spec.Nodes = nodes
	a.network.Generation++
}

// has fails unless the StatefulSet has these replicas and this policy, and the existing pods stay as long as departing specifies.
func (a *applied) has(replicas int32, scaled appsv1.PersistentVolumeClaimRetentionPolicyType, departing int) {
	a.Helper()
	objects := a.pass()
	set := a.set()
	if got := whenScaled(set); *set.Spec.Replicas != replicas || got != scaled || len(objects.departing) != departing {
		a.Errorf("%d replicas, claims %s, %d nodes depart; want %d, %s, %d", *set.Spec.Replicas, got, len(objects.departing), replicas, scaled, departing)
	}
	if got := set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted; got != deleted {
		a.Errorf("claims of a deleted set: %s", got)
	}
}

// withRunningPods is a network of three nodes with storage that run.
func withRunningPods(t *testing.T) *applied {
	t.Helper()
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 3, Storage: &v1.Storage{RetentionPolicy: v1.RetentionDelete}})
	for i := range 3 {
		a.startPod("net-sts", i)
	}
	a.has(3, retained, 0)
	return a
}

func TestNodesStayUntilTheOthersHaveTheirBlocks(t *testing.T) {
	a := withRunningPods(t)
	a.scale(1)
	a.has(3, retained, 2)
	if a.state.scaleDown.decide(time.Now(), departures{ahead: 1}) {
		t.Fatal("a node with blocks of its own is removed")
	}
	a.has(3, retained, 2)
	a.state.scaleDown.decide(time.Now(), departures{})
	a.has(1, deleted, 0)
	// The claims of pods that are ending follow the policy, also for another operator and when the network grows.
	a.restartOperator()
	a.has(1, deleted, 0)
	a.scale(2)
	a.has(2, deleted, 0)
	a.stopPod(2)
	a.has(2, retained, 0)
	a.has(2, retained, 0)
	if a.state.scaleDown != nil {
		t.Errorf("the scale-down has not ended: %+v", a.state.scaleDown)
	}
}

func TestClaimsWithBlocksOfTheirOwnAreKept(t *testing.T) {
	a := withRunningPods(t)
	a.scale(1)
	a.has(3, retained, 2)
	a.state.scaleDown.decide(time.Now().Add(syncTimeout), departures{ahead: 1})
	a.has(1, retained, 0)
	a.scale(2)
	a.has(2, retained, 0)
}

// 0 stops the nodes and keeps what they have. Claims of pods that are still ending when the network grows again are kept too.
func TestAStoppedNetworkKeepsItsClaims(t *testing.T) {
	a := withRunningPods(t)
	a.scale(0)
	a.has(0, retained, 0)
	a.scale(1)
	a.has(1, retained, 0)
	a.scale(3)
	a.has(3, retained, 0)
}

// From a scale-down whose claims are to be deleted to 0.
func TestAScaleDownThatBecomesAStopKeepsTheClaims(t *testing.T) {
	a := withRunningPods(t)
	a.scale(1)
	a.has(3, retained, 2)
	a.state.scaleDown.decide(time.Now(), departures{})
	a.has(1, deleted, 0)
	a.scale(0)
	a.has(0, retained, 0)
}

// A decision counts for the change of the spec that it was for, and only for as long as the chains are known to be equal.
func TestADecisionCountsOnce(t *testing.T) {
	a := withRunningPods(t)
	a.scale(2)
	a.has(3, retained, 1)
	a.state.scaleDown.decide(time.Now(), departures{})
	a.scale(1)
	a.has(3, retained, 2)
	a.state.scaleDown.decide(time.Now().Add(-departureLifetime-time.Second), departures{})
	a.has(3, retained, 2)
}

// Nodes that do not run cannot be asked: they go at once, and their claims stay.
func TestNodesThatDoNotRunAreRemovedAtOnce(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 3, Storage: &v1.Storage{RetentionPolicy: v1.RetentionDelete}})
	a.startPod("net-sts", 0)
	a.scale(1)
	a.has(1, retained, 0)
}

// A removed group is deleted when the other nodes have its blocks, with its configuration. If they never have them, its claims stay.
func TestARemovedGroupStaysUntilTheOthersHaveItsBlocks(t *testing.T) {
	for want, found := range map[string]departures{
		"delete":          {},
		"patch, delete":   {ahead: 1},
		"patch, delete ":  {silent: 1},
		"patch, delete  ": {unknown: 1},
	} {
		a := applyNetwork(t, v1.BitcoinNetworkSpec{
			Nodes: 1, Groups: []v1.Group{{Name: "b", Nodes: 2}}, Storage: &v1.Storage{RetentionPolicy: v1.RetentionDelete},
		})
		a.startPod("net-b-sts", 0)
		a.network.Spec.Groups, a.network.Generation = nil, 2
		exist := func() int {
			count := 0
			for _, object := range []client.Object{
				&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net-b-sts"}},
				&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net-b-config"}},
			} {
				if a.r.client.Get(t.Context(), client.ObjectKeyFromObject(object), object) == nil {
					count++
				}
			}
			return count
		}
		objects := a.pass()
		if len(objects.departing) != 2 || objects.departing[0].podName != "net-b-sts-0" || objects.departing[0].ordinal != 1 || exist() != 2 {
			t.Errorf("departing %+v, %d objects", objects.departing, exist())
		}
		a.state.scaleDown.decide(time.Now().Add(syncTimeout), found)
		a.writes = nil
		a.pass()
		got := "delete"
		if slices.Equal(a.writes, []string{"patch net-b-sts"}) {
			got = "patch, delete"
			a.pass()
		}
		if got != strings.TrimSpace(want) || exist() != 0 {
			t.Errorf("%+v: %s, %d objects, want %s", found, got, exist(), want)
		}
	}
}

// Nobody can compare the chains of nodes that were stopped before.
func TestTheClaimsOfAStoppedGroupAreKept(t *testing.T) {
	for _, hasClaims := range []bool{true, false} {
		a := applyNetwork(t, v1.BitcoinNetworkSpec{
			Nodes: 1, Groups: []v1.Group{{Name: "b", Nodes: 0}}, Storage: &v1.Storage{RetentionPolicy: v1.RetentionDelete},
		})
		if claim := (&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "data-net-b-sts-0"}}); hasClaims {
			if err := a.r.client.Create(t.Context(), claim); err != nil {
				t.Fatal(err)
			}
		}
		a.network.Spec.Groups, a.network.Generation, a.writes = nil, 2, nil
		a.pass()
		if want := []string{"patch net-b-sts"}; !slices.Equal(a.writes, want) {
			t.Errorf("writes %v before the group is deleted, want %v", a.writes, want)
		}
		a.pass()
		if err := a.r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "net-b-sts"}, &appsv1.StatefulSet{}); !apierrors.IsNotFound(err) {
			t.Errorf("the StatefulSet of the removed group: %v", err)
		}
		recorded := len(a.r.recorder.(*events.FakeRecorder).Events)
		if want := map[bool]int{true: 1}[hasClaims]; recorded != want {
			t.Errorf("with claims %t: %d events, want %d", hasClaims, recorded, want)
		}
	}
}

func TestWhenAScaleDownIsDecided(t *testing.T) {
	for name, test := range map[string]struct {
		waited time.Duration
		found  departures
		want   string
	}{
		"all have the blocks":          {0, departures{}, "synced"},
		"one does not run":             {0, departures{unknown: 1}, "removed"},
		"one is ahead":                 {time.Minute, departures{ahead: 1}, "waits"},
		"one is ahead for too long":    {syncTimeout, departures{ahead: 1}, "removed"},
		"one does not answer":          {time.Second, departures{silent: 1}, "waits"},
		"one does not answer at all":   {departureTimeout, departures{silent: 1}, "removed"},
		"one is ahead, one is silent":  {departureTimeout, departures{ahead: 1, silent: 1}, "waits"},
		"one is ahead, one is unknown": {time.Second, departures{ahead: 1, unknown: 1}, "waits"},
	} {
		since := time.Unix(1000, 0)
		s := &scaleDown{since: since}
		decided := s.decide(since.Add(test.waited), test.found)
		got := "waits"
		switch {
		case s.deletesClaims():
			got = "synced"
		case !s.waits():
			got = "removed"
		}
		if got != test.want || decided != (got != "waits") || s.decide(since.Add(time.Hour), departures{}) && got != "waits" {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestRemovedNodesAreComparedWithThoseThatStay(t *testing.T) {
	for name, test := range map[string]struct {
		chains  []string
		staying int
		want    departures
	}{
		"one chain":                              {[]string{"aa", "aa", "aa"}, 1, departures{}},
		"a removed node is behind":               {[]string{"aaa", "a", "aaa"}, 1, departures{}},
		"a removed node has the best chain":      {[]string{"a", "aaa"}, 1, departures{ahead: 1}},
		"another removed node has it too":        {[]string{"a", "aaa", "aaa"}, 1, departures{ahead: 2}},
		"one of two that stay has it":            {[]string{"a", "aaa", "aa"}, 2, departures{}},
		"a removed node has a branch of its own": {[]string{"aaa", "b"}, 1, departures{ahead: 1}},
		"a removed node does not answer":         {[]string{"aaa", ""}, 1, departures{silent: 1}},
		"no node that stays answers":             {[]string{"", "a"}, 1, departures{ahead: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				fake := newFakeNodes()
				nodes := withAddresses(onChains(test.chains...))
				for i, chain := range test.chains {
					fake.answer(i, func(_ string, params []any) (any, error) {
						return chain[:int(params[0].(float64))], nil
					})
					if nodes[i].answer != nil {
						nodes[i].answer.at = time.Now()
					}
				}
				found := fake.client(t).compareDepartures(t.Context(), testNetwork(v1.BitcoinNetworkSpec{}), newSlots(8), nodes, test.staying, time.Now())
				if found != test.want {
					t.Errorf("%+v, want %+v", found, test.want)
				}
				before := fake.client(t).compareDepartures(t.Context(), testNetwork(v1.BitcoinNetworkSpec{}), newSlots(8), nodes, test.staying, time.Now().Add(time.Second))
				if before.silent != len(nodes)-test.staying {
					t.Errorf("answers from before the scale-down count: %+v", before)
				}
			})
		})
	}
	nodes := withAddresses(onChains("a", "a"))
	nodes[1].pod.UID = types.UID("other")
	nodes[1].pod.DeletionTimestamp = ptr.To(metav1.Now())
	if found := newFakeNodes().client(t).compareDepartures(t.Context(), testNetwork(v1.BitcoinNetworkSpec{}), newSlots(8), nodes, 1, time.Time{}); found != (departures{unknown: 1}) {
		t.Errorf("a pod that is ending: %+v", found)
	}
}
