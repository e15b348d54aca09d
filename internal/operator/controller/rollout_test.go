package controller

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// rolloutTest is a network with its StatefulSets as the API server has them and as desired, and what a pass knows of its nodes.
type rolloutTest struct {
	*applyPass
	in rolloutInputs
}

// setsOf are the StatefulSets of a network as the API server has them after an apply.
func setsOf(t *testing.T, network *v1.BitcoinNetwork) map[string]*appsv1.StatefulSet {
	t.Helper()
	sets := map[string]*appsv1.StatefulSet{}
	for _, object := range resources.Build(network, resources.Settings{Credential: testCredential}) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			sets[set.Name] = asApplied(t, set)
		}
	}
	return sets
}

// threeGroups is a network of three groups of one node each, without a rollout in progress, whose spec has changed.
func threeGroups(t *testing.T, before, after func(*v1.BitcoinNetworkSpec)) *rolloutTest {
	t.Helper()
	network := func(change func(*v1.BitcoinNetworkSpec)) *v1.BitcoinNetwork {
		n := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1, Groups: []v1.Group{{Name: "a", Nodes: 1}, {Name: "b", Nodes: 1}}})
		change(&n.Spec)
		return n
	}
	r := &rolloutTest{applyPass: &applyPass{network: network(after), sets: setsOf(t, network(before)), desiredSets: setsOf(t, network(after))}}
	r.groups = resources.Groups(r.network, "")
	r.in = rolloutInputs{
		groups: r.groups, sets: r.sets, desired: []topology.Edge{{A: 0, B: 1}, {A: 1, B: 2}}, nodes: allPodsReady(onChains("aaa", "aaa", "aaa")),
	}
	for i, group := range r.groups {
		r.in.nodes[i].group, r.in.nodes[i].pod = group, podOf("")
	}
	r.restartOperator()
	r.proceed()
	return r
}

func (r *rolloutTest) restartOperator() {
	r.state = newNetworkState(r.network)
	r.state.rollouts = resumeRollouts(r.sets, r.in.now)
}

func (r *rolloutTest) proceed() { r.state.rollouts.proceed(r.in) }

// setChain sets the chain of a node, "" for one that does not answer.
func (r *rolloutTest) setChain(node int, chain string) {
	r.in.nodes[node].answer = onChains(chain)[0].answer
}

// podOf is a pod with the template of a revision.
func podOf(revision string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}}}
}

// waits reports whether the template of a StatefulSet must not change yet.
func (r *rolloutTest) waits(t *testing.T, name string) bool {
	t.Helper()
	blocking, err := r.state.rollouts.blockingSet(name, r.groups, r.desiredSets, r.sets)
	if err != nil {
		t.Fatal(err)
	}
	return blocking != ""
}

// apply has the API server accept a desired StatefulSet, which its controller has not observed yet.
func (r *rolloutTest) apply(t *testing.T, name string) *appsv1.StatefulSet {
	t.Helper()
	if err := r.setPartition(r.desiredSets[name]); err != nil {
		t.Fatal(err)
	}
	set := asApplied(t, r.desiredSets[name])
	set.Generation = r.sets[name].Generation + 1
	r.now = r.in.now
	if err := r.startRollout(r.desiredSets[name]); err != nil {
		t.Fatal(err)
	}
	r.sets[name] = set
	return set
}

func image(name string) func(*v1.BitcoinNetworkSpec) {
	return func(spec *v1.BitcoinNetworkSpec) { spec.Image = name }
}

func unchanged(*v1.BitcoinNetworkSpec) {}

func TestOneGroupIsUpdatedAfterTheOther(t *testing.T) {
	config := func(value v1.ConfigValue) func(*v1.BitcoinNetworkSpec) {
		return func(spec *v1.BitcoinNetworkSpec) { spec.Config = v1.Config{"maxmempool": value} }
	}
	selector := func(spec *v1.BitcoinNetworkSpec) { spec.NodeSelector = map[string]string{"disk": "fast"} }
	for name, change := range map[string]struct{ before, after func(*v1.BitcoinNetworkSpec) }{
		"a changed value": {config("16"), config("17")},
		"a removed field": {selector, unchanged},
	} {
		t.Run(name, func(t *testing.T) {
			r := threeGroups(t, change.before, change.after)
			if r.waits(t, "net-sts") {
				t.Error("the first StatefulSet waits, though no rollout is in progress")
			}
			first := r.apply(t, "net-sts")
			othersWait := func(while string) {
				t.Helper()
				r.proceed()
				if !r.waits(t, "net-a-sts") || !r.waits(t, "net-b-sts") {
					t.Error("another StatefulSet is changed while " + while)
				}
			}
			othersWait("the controller has not observed the first change")
			first.Status.ObservedGeneration, first.Status.CurrentRevision, first.Status.UpdateRevision = 1, "1", "2"
			othersWait("the partition keeps the first node's template")
			first = r.apply(t, "net-sts")
			if partitionOf(first) != 0 {
				t.Fatalf("the partition is %d", partitionOf(first))
			}
			first.Status.ObservedGeneration, first.Status.CurrentRevision, first.Status.UpdateRevision = 2, "1", "2"
			r.in.nodes[0].podReady = false
			r.setChain(0, "")
			othersWait("the first node restarts")
			first.Status.CurrentRevision, r.in.nodes[0].pod = "2", podOf("2")
			othersWait("the first node's pod is not ready")
			r.in.nodes[0].podReady = true
			othersWait("the first node does not answer")
			r.setChain(0, "a")
			othersWait("the first node is not synced")
			r.setChain(0, "aaa")
			r.proceed()
			if r.waits(t, "net-a-sts") {
				t.Error("the second StatefulSet waits, though the first rollout is complete")
			}
		})
	}
}

func TestARolloutDoesNotWaitForANodeThatFailsAnyway(t *testing.T) {
	r := threeGroups(t, image("1"), image("2"))
	r.desiredSets["net-a-sts"] = r.sets["net-a-sts"]
	r.in.nodes[1].podReady = false
	r.setChain(1, "")
	r.proceed()
	if r.waits(t, "net-sts") {
		t.Error("it waits")
	}
}

func TestARolloutDoesNotWaitForAStatefulSetThatChangesAgain(t *testing.T) {
	r := threeGroups(t, image("1"), image("2"))
	broken := r.sets["net-a-sts"]
	broken.Status.CurrentRevision, broken.Status.UpdateRevision = "1", "2"
	if r.waits(t, "net-a-sts") || r.waits(t, "net-b-sts") {
		t.Error("it waits")
	}
}

func TestARolloutProceedsWithoutANodeThatDoesNotSync(t *testing.T) {
	for name, test := range map[string]struct {
		branches int
		after    time.Duration
		waits    bool
	}{
		"a node on another branch for good": {2, 0, false},
		"a node that syncs":                 {1, syncTimeout, true},
		"a node that does not sync in time": {1, syncTimeout + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := threeGroups(t, image("1"), image("2"))
			r.desiredSets["net-sts"] = r.sets["net-sts"]
			r.state.rollouts["net-sts"] = rolloutStep{since: r.in.now}
			r.setChain(0, "a")
			r.in.chains = chainComparison{complete: true, branches: make([]tip, test.branches)}
			r.in.now = r.in.now.Add(test.after)
			r.proceed()
			if got := r.waits(t, "net-a-sts"); got != test.waits {
				t.Errorf("the next StatefulSet waits: %v, want %v", got, test.waits)
			}
		})
	}
}

// kubectl rollout restart is a rollout too.
func TestARolloutWaitsForOneThatTheUserStarted(t *testing.T) {
	r := threeGroups(t, unchanged, image("2"))
	r.desiredSets["net-a-sts"] = r.sets["net-a-sts"]
	r.sets["net-a-sts"].Status.CurrentRevision, r.sets["net-a-sts"].Status.UpdateRevision = "1", "2"
	if !r.waits(t, "net-sts") {
		t.Error("both are rolled out at the same time")
	}
}

// A restarted operator does not know which node has just restarted.
func TestARestartedOperatorWaitsUntilAllNodesAreSynced(t *testing.T) {
	r := threeGroups(t, unchanged, image("2"))
	r.sets["net-sts"] = r.desiredSets["net-sts"]
	r.restartOperator()
	r.setChain(0, "a")
	r.proceed()
	if !r.waits(t, "net-a-sts") {
		t.Error("another StatefulSet is changed while the first node is not synced")
	}
}

// Of five nodes, the last one is first, the next one follows when it has synced; those that have the template are skipped.
func TestARolloutProceedsFromNodeToNode(t *testing.T) {
	r := threeGroups(t, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes = 5 }, func(spec *v1.BitcoinNetworkSpec) { spec.Nodes, spec.Image = 5, "2" })
	r.in.nodes = allPodsReady(onChains("aaa", "aaa", "aaa", "aaa", "aaa"))
	for i := range r.in.nodes {
		r.in.nodes[i].group, r.in.nodes[i].pod = r.groups[0], podOf("1")
	}
	r.in.desired = topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 5})
	partitions := []int32{}
	pass := func() *appsv1.StatefulSet {
		t.Helper()
		set := r.apply(t, "net-sts")
		set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, CurrentRevision: "1", UpdateRevision: "2"}
		partitions = append(partitions, partitionOf(set))
		r.proceed()
		return set
	}
	pass()
	r.in.nodes[2].pod = podOf("2")
	for _, i := range []int{4, 3, 1, 0} {
		pass() // allows the node's restart
		r.in.nodes[i].pod = podOf("2")
		r.setChain(i, "a")
		pass() // allows no other one while it is not synced
		r.setChain(i, "aaa")
		r.proceed()
	}
	last := pass()
	if want := []int32{5, 4, 4, 3, 3, 1, 1, 0, 0, 0}; !slices.Equal(partitions, want) {
		t.Errorf("partitions %d, want %d", partitions, want)
	}
	last.Status.CurrentRevision = "2"
	r.proceed()
	if len(r.state.rollouts) > 0 {
		t.Errorf("rollouts still in progress: %v", r.state.rollouts)
	}
}

// A pod that was moved has not got the chain back when the template changes: the other pod is the only one that has it.
func TestAPodThatAloneHasTheChainRestartsAfterAnotherHasGotIt(t *testing.T) {
	for name, test := range map[string]struct {
		storage *v1.Storage
		edges   []topology.Edge
		others  string
		own     string
		after   time.Duration
		waits   bool
	}{
		"no other node answers":                {nil, topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 4}), "", "aaa", syncTimeout, true},
		"the others have an earlier block":     {nil, topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 4}), "a", "aaa", syncTimeout, true},
		"the others do not get it in time":     {nil, topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 4}), "a", "aaa", syncTimeout + 1, false},
		"the others have it but for one block": {nil, topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 4}), "aa", "aaa", 0, false},
		"its side has no node outside":         {nil, []topology.Edge{{A: 0, B: 1}, {A: 2, B: 3}}, "", "aaa", 0, false},
		"it has storage":                       {&v1.Storage{}, topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 4}), "", "aaa", 0, false},
		"it has no chain":                      {nil, topology.Desired(topology.Spec{Type: v1.TopologyMesh, Nodes: 4}), "", "", 0, false},
	} {
		packed := func(spec *v1.BitcoinNetworkSpec) {
			spec.Nodes, spec.NodesPerPod, spec.Groups, spec.Storage = 4, 2, nil, test.storage
		}
		r := threeGroups(t, unchanged, unchanged)
		r.network = testNetwork(v1.BitcoinNetworkSpec{})
		packed(&r.network.Spec)
		r.groups, r.sets, r.desiredSets = resources.Groups(r.network, ""), setsOf(t, r.network), setsOf(t, r.network)
		r.in = rolloutInputs{groups: r.groups, sets: r.sets, desired: test.edges, now: time.Unix(1000, 0)}
		for i, chain := range []string{test.others, test.others, test.own, test.own} {
			n := newNode(i, r.groups[0], i, podOf("1"))
			n.podReady, n.answer = chain != "", onChains(chain)[0].answer
			r.in.nodes = append(r.in.nodes, n)
		}
		partition := int32(2)
		set := r.sets["net-sts"]
		set.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}
		set.Status.CurrentRevision, set.Status.UpdateRevision = "1", "2"
		r.state.rollouts = rollouts{"net-sts": {since: r.in.now, partition: partition}}
		r.in.now = r.in.now.Add(test.after)
		r.proceed()
		if waits := r.state.rollouts["net-sts"].partition == partition; waits != test.waits {
			t.Errorf("%s: the pod waits: %v", name, waits)
		}
	}
}
