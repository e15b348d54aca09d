package controller

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// three is a network of three groups of one node each, as an API server has it that its operator has left settled, and as the
// spec of now has it.
func three(t *testing.T, was, now func(*v1.BitcoinNetworkSpec)) *look {
	t.Helper()
	network := func(change func(*v1.BitcoinNetworkSpec)) *v1.BitcoinNetwork {
		n := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}}
		n.Spec = v1.BitcoinNetworkSpec{Nodes: 1, Groups: []v1.Group{{Name: "a", Nodes: 1}, {Name: "b", Nodes: 1}}}
		change(&n.Spec)
		return n
	}
	settings := resources.Settings{Credential: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.DeriveCredential(make([]byte, 32), "1") }}
	sets := func(network *v1.BitcoinNetwork) map[string]*appsv1.StatefulSet {
		list := map[string]*appsv1.StatefulSet{}
		for _, object := range resources.Build(network, settings) {
			if set, ok := object.(*appsv1.StatefulSet); ok {
				applied, err := toApply(set)
				if err != nil {
					t.Fatal(err)
				}
				there := &appsv1.StatefulSet{}
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(applied.Object, there); err != nil {
					t.Fatal(err)
				}
				list[set.Name] = there
			}
		}
		return list
	}
	l := &look{network: network(now), wanted: sets(network(now)), sets: sets(network(was)), memory: &memory{}}
	l.groups = resources.Groups(l.network, "")
	l.nodes = onChains("aaa", "aaa", "aaa")
	for i, group := range l.groups {
		l.nodes[i].group, l.nodes[i].podReady, l.nodes[i].pod = group, true, podOf("")
	}
	l.desired = []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}
	l.watchChanged()
	catchUp(t, l)
	return l
}

// podOf is a pod with the template of a revision.
func podOf(revision string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}}}
}

func catchUp(t *testing.T, l *look) {
	t.Helper()
	if err := (&Reconciler{}).catchUp(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

func waits(t *testing.T, l *look, name string) bool {
	t.Helper()
	wait, err := l.waits(l.wanted[name])
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

// applied has the API server take what is wanted of a StatefulSet, whose controller has not seen it yet.
func applied(t *testing.T, l *look, name string) *appsv1.StatefulSet {
	t.Helper()
	if err := l.holdBack(l.wanted[name]); err != nil {
		t.Fatal(err)
	}
	made, err := toApply(l.wanted[name])
	if err != nil {
		t.Fatal(err)
	}
	made.SetGeneration(l.sets[name].Generation + 1)
	if err := l.takeOver(l.wanted[name], made); err != nil {
		t.Fatal(err)
	}
	return l.sets[name]
}

// One goes first, and the others wait until it has the chain.
func TestAChangeOfAllGroupsIsMadeOneAfterTheOther(t *testing.T) {
	config := func(value v1.ConfigValue) func(*v1.BitcoinNetworkSpec) {
		return func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": value} }
	}
	selector := func(spec *v1.BitcoinNetworkSpec) { spec.NodeSelector = map[string]string{"disk": "fast"} }
	for name, change := range map[string]struct{ was, now func(*v1.BitcoinNetworkSpec) }{
		"another value":      {config("16"), config("17")},
		"a field taken away": {selector, func(*v1.BitcoinNetworkSpec) {}},
	} {
		t.Run(name, func(t *testing.T) {
			l := three(t, change.was, change.now)
			if waits(t, l, "net-sts") {
				t.Error("the first one waits, and for nobody")
			}
			first := applied(t, l, "net-sts")
			held := func(why string) {
				t.Helper()
				catchUp(t, l)
				if !waits(t, l, "net-a-sts") || !waits(t, l, "net-b-sts") {
					t.Error("another one goes while " + why)
				}
			}
			held("the controller has not looked at the first yet")
			first.Status.ObservedGeneration, first.Status.CurrentRevision, first.Status.UpdateRevision = 1, "1", "2"
			held("the first one's node is held back")
			first = applied(t, l, "net-sts")
			if heldBack(first) != 0 {
				t.Fatalf("%d nodes are held back", heldBack(first))
			}
			first.Status.ObservedGeneration, first.Status.CurrentRevision, first.Status.UpdateRevision = 2, "1", "2"
			l.nodes[0].podReady, l.nodes[0].answer = false, nil
			held("the first one's node is away")
			first.Status.CurrentRevision, l.nodes[0].pod = "2", podOf("2")
			held("the first one's node is not known to be ready")
			l.nodes[0].podReady, l.nodes[0].answer = true, onChains("")[0].answer
			held("the first one's node does not answer")
			l.nodes[0].answer = onChains("a")[0].answer
			held("the first one's node has not the chain")
			l.nodes[0].answer = onChains("aaa")[0].answer
			catchUp(t, l)
			if waits(t, l, "net-a-sts") {
				t.Error("the second one waits, though the first is done: " + l.waiting)
			}
		})
	}
}

func TestWhoIsNotWaitedFor(t *testing.T) {
	image := func(name string) func(*v1.BitcoinNetworkSpec) {
		return func(spec *v1.BitcoinNetworkSpec) { spec.Image = name }
	}
	t.Run("a node that has long been sick", func(t *testing.T) {
		l := three(t, image("1"), image("2"))
		l.wanted["net-a-sts"] = l.sets["net-a-sts"]
		l.nodes[1].podReady, l.nodes[1].answer = false, nil
		catchUp(t, l)
		if waits(t, l, "net-sts") {
			t.Error(l.waiting)
		}
	})
	t.Run("one that is to be changed again", func(t *testing.T) {
		l := three(t, image("1"), image("2"))
		broken := l.sets["net-a-sts"]
		broken.Status.CurrentRevision, broken.Status.UpdateRevision = "1", "2"
		if waits(t, l, "net-a-sts") || waits(t, l, "net-b-sts") {
			t.Error(l.waiting)
		}
	})
	for name, test := range map[string]struct {
		branches int
		later    time.Duration
	}{"nodes that follow another chain for good": {2, 0}, "a node that does not catch up": {1, longestCatchUp + 1}} {
		t.Run(name, func(t *testing.T) {
			l := three(t, image("1"), image("2"))
			l.memory.rolled["net-sts"] = change{l.now, 0}
			l.nodes[0].answer = onChains("a")[0].answer
			l.chain = chainView{known: true, branches: make([]tip, test.branches)}
			l.now = l.now.Add(test.later)
			catchUp(t, l)
			if waits(t, l, "net-a-sts") {
				t.Error(l.waiting)
			}
		})
	}
}

// kubectl rollout restart is a change too.
func TestWhatSomebodyElseRestartsIsWaitedFor(t *testing.T) {
	l := three(t, func(*v1.BitcoinNetworkSpec) {}, func(spec *v1.BitcoinNetworkSpec) { spec.Image = "2" })
	l.wanted["net-a-sts"] = l.sets["net-a-sts"]
	l.sets["net-a-sts"].Status.CurrentRevision, l.sets["net-a-sts"].Status.UpdateRevision = "1", "2"
	if !waits(t, l, "net-sts") {
		t.Error("another one goes meanwhile")
	}
}

// An operator that has just started does not know who has just been restarted.
func TestARestartedOperatorWaitsUntilAllHaveBeenSeen(t *testing.T) {
	l := three(t, func(*v1.BitcoinNetworkSpec) {}, func(spec *v1.BitcoinNetworkSpec) { spec.Image = "2" })
	l.sets["net-sts"] = l.wanted["net-sts"]
	l.memory = &memory{}
	l.watchChanged()
	l.nodes[0].answer = onChains("a")[0].answer
	catchUp(t, l)
	if !waits(t, l, "net-a-sts") {
		t.Error("another one goes while the first one's node has not the chain")
	}
}

// Five nodes: the last one first, the next when it has the chain; those that have the template already are passed over.
func TestAChangeGoesFromNodeToNode(t *testing.T) {
	l := three(t, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes = 5 }, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Image = 5, "2" })
	l.nodes = onChains("aaa", "aaa", "aaa", "aaa", "aaa")
	for i := range l.nodes {
		l.nodes[i].group, l.nodes[i].podReady, l.nodes[i].pod = l.groups[0], true, podOf("1")
	}
	l.desired = topology.Desired(topology.Spec{Type: topology.Mesh, Nodes: 5})
	held := []int32{}
	look := func() *appsv1.StatefulSet {
		t.Helper()
		set := applied(t, l, "net-sts")
		set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, CurrentRevision: "1", UpdateRevision: "2"}
		held = append(held, heldBack(set))
		catchUp(t, l)
		return set
	}
	look()
	l.nodes[2].pod = podOf("2")
	for _, i := range []int{4, 3, 1, 0} {
		look() // lets it go
		l.nodes[i].pod, l.nodes[i].answer = podOf("2"), onChains("a")[0].answer
		look() // and nobody else while it has not the chain
		l.nodes[i].answer = onChains("aaa")[0].answer
		catchUp(t, l)
	}
	last := look()
	if want := []int32{5, 4, 4, 3, 3, 1, 1, 0, 0, 0}; !slices.Equal(held, want) {
		t.Errorf("held back: %d, want %d", held, want)
	}
	last.Status.CurrentRevision = "2"
	catchUp(t, l)
	if len(l.memory.rolled) > 0 {
		t.Errorf("still being changed: %v", l.memory.rolled)
	}
}
