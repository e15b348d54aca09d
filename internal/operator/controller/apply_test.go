package controller

import (
	"maps"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// applied is a network whose objects exist, and what the reconciler writes after that: "apply net-sts".
type applied struct {
	*testing.T
	r       *Reconciler
	network *v1.BitcoinNetwork
	state   *networkState
	writes  []string
	// reject returns an error for a verb; nil for none.
	reject func(verb string) error
}

func applyNetwork(t *testing.T, spec v1.BitcoinNetworkSpec) *applied {
	t.Helper()
	a := &applied{T: t, network: testNetwork(spec)}
	a.state = newNetworkState(a.network)
	a.r = fakeAPI(t, func(verb, name string) error {
		a.writes = append(a.writes, verb+" "+name)
		if a.reject != nil {
			return a.reject(verb)
		}
		return nil
	})
	a.pass()
	a.writes = nil
	return a
}

// restartOperator forgets everything; no rollout is in progress.
func (a *applied) restartOperator() {
	a.state = newNetworkState(a.network)
	a.state.rollouts = rollouts{}
}

func (a *applied) pass() appliedObjects {
	a.Helper()
	objects, err := a.r.applyObjects(a.Context(), a.network, a.state, time.Now())
	if err != nil {
		a.Fatal(err)
	}
	return objects
}

// expect fails unless a pass writes this, and the next one nothing, also after a restart of the operator.
func (a *applied) expect(writes ...string) {
	a.Helper()
	a.writes = nil
	a.pass()
	if !slices.Equal(a.writes, writes) {
		a.Errorf("the pass writes %q, want %q", a.writes, writes)
	}
	for _, restart := range []func(){func() {}, a.restartOperator} {
		a.writes = nil
		restart()
		if a.pass(); len(a.writes) > 0 {
			a.Errorf("the next pass writes %q", a.writes)
		}
	}
}

func (a *applied) set() *appsv1.StatefulSet {
	a.Helper()
	set := &appsv1.StatefulSet{}
	if err := a.r.client.Get(a.Context(), client.ObjectKey{Namespace: "ns", Name: "net-sts"}, set); err != nil {
		a.Fatal(err)
	}
	return set
}

// edit changes the StatefulSet as kubectl edit does.
func (a *applied) edit(change func(*appsv1.StatefulSet)) {
	a.Helper()
	set := a.set()
	change(set)
	if err := a.r.client.Update(a.Context(), set, client.FieldOwner("kubectl-edit")); err != nil {
		a.Fatal(err)
	}
}

func TestForeignItemsAreRemoved(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	before := a.set()
	for _, writes := range [][]string{
		// The first apply after the create takes over the ownership from it.
		{"patch net-sts", "apply net-sts", "patch net-sts"}, {"apply net-sts", "patch net-sts"},
	} {
		a.edit(func(set *appsv1.StatefulSet) {
			pod := &set.Spec.Template.Spec
			pod.Containers[0].Env = append([]corev1.EnvVar{{Name: "FIRST"}}, append(pod.Containers[0].Env, corev1.EnvVar{Name: "FOO", Value: "bar"})...)
			pod.Containers = append([]corev1.Container{{Name: "foreign", Image: "foreign:1"}}, pod.Containers...)
		})
		a.expect(writes...)
		if got := a.set().Spec.Template; !equality.Semantic.DeepEqual(got, before.Spec.Template) {
			t.Errorf("the template is %+v", got.Spec.Containers)
		}
	}
	if got := partitionOf(a.set()); got != 1 {
		t.Errorf("the partition is %d: the removal restarts all nodes at once", got)
	}
}

func TestForeignChangesAreReverted(t *testing.T) {
	for name, test := range map[string]struct {
		change    func(*appsv1.StatefulSet)
		partition int32
	}{
		"a value":         {func(set *appsv1.StatefulSet) { set.Spec.Template.Spec.Containers[0].Image = "foreign:1" }, 1},
		"a removed list":  {func(set *appsv1.StatefulSet) { set.Spec.Template.Spec.Containers[0].Env = nil }, 1},
		"a removed field": {func(set *appsv1.StatefulSet) { set.Spec.Template.Spec.NodeSelector = nil }, 1},
		"an atomic list": {func(set *appsv1.StatefulSet) {
			set.Spec.Template.Spec.Tolerations = append(set.Spec.Template.Spec.Tolerations, corev1.Toleration{Key: "b", Operator: corev1.TolerationOpExists})
		}, 1},
		"the number of nodes": {func(set *appsv1.StatefulSet) { set.Spec.Replicas = ptr.To(int32(5)) }, 0},
		"an annotation":       {func(set *appsv1.StatefulSet) { set.Annotations = nil }, 0},
		"a label":             {func(set *appsv1.StatefulSet) { set.Labels[resources.LabelGroup] = "foreign" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := applyNetwork(t, v1.BitcoinNetworkSpec{
				Nodes: 1, NodeSelector: map[string]string{"disk": "fast"}, Tolerations: []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpExists}},
			})
			before := a.set()
			a.edit(test.change)
			a.expect("patch net-sts", "apply net-sts")
			after := a.set()
			if partitionOf(after) != test.partition {
				t.Errorf("the partition is %d, want %d", partitionOf(after), test.partition)
			}
			before.Spec.UpdateStrategy, after.Annotations[apply.AnnotationApplied] = after.Spec.UpdateStrategy, before.Annotations[apply.AnnotationApplied]
			if !equality.Semantic.DeepEqual(after.Spec, before.Spec) || !maps.Equal(after.Labels, before.Labels) || !maps.Equal(after.Annotations, before.Annotations) {
				t.Errorf("it is\n%+v\nwant\n%+v", after, before)
			}
		})
	}
}

// The gate of a rollout is the operator's.
func TestThePartitionOfARolloutIsPutRight(t *testing.T) {
	for name, change := range map[string]func(*applied){
		"lowered": func(a *applied) {
			a.edit(func(set *appsv1.StatefulSet) { set.Spec.UpdateStrategy.RollingUpdate.Partition = ptr.To(int32(0)) })
		},
		"raised": func(a *applied) {
			a.edit(func(set *appsv1.StatefulSet) { set.Spec.UpdateStrategy.RollingUpdate.Partition = ptr.To(int32(9)) })
		},
		"deleted with its StatefulSet": func(a *applied) {
			if err := a.r.client.Delete(a.Context(), a.set()); err != nil {
				a.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 3})
			a.network.Spec.Image, a.network.Generation = "nodes:2", 2
			a.pass()
			a.state.rollouts["net-sts"] = rolloutStep{partition: 2}
			a.pass()
			change(a)
			a.pass()
			if got := partitionOf(a.set()); got != 2 {
				t.Errorf("the partition is %d, want 2", got)
			}
		})
	}
}

// Without its labels the object is not in the cache.
func TestAnObjectThatLosesItsLabelsGetsThemBack(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	a.edit(func(set *appsv1.StatefulSet) { set.Labels = nil })
	if objects := a.pass(); objects.sets["net-sts"] == nil {
		t.Error("the pass does not see the StatefulSet")
	}
	if a.set().Labels[resources.LabelManagedBy] != resources.ManagedByValue {
		t.Errorf("labels %v", a.set().Labels)
	}
	a.expect()
}

// What a webhook or the API server adds has no owner.
func TestUnownedFieldsAreLeftAlone(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	a.edit(func(set *appsv1.StatefulSet) {
		container := &set.Spec.Template.Spec.Containers[0]
		container.Env = append(container.Env, corev1.EnvVar{Name: "INJECTED"})
		container.ImagePullPolicy = corev1.PullAlways
	})
	a.edit(func(set *appsv1.StatefulSet) {
		set.ManagedFields = slices.DeleteFunc(set.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == "kubectl-edit" })
	})
	a.expect()
	a.network.Spec.Image, a.network.Generation = "nodes:2", 2
	a.expect("patch net-sts", "apply net-sts")
	container := a.set().Spec.Template.Spec.Containers[0]
	if container.Image != "nodes:2" || container.Env[len(container.Env)-1].Name != "INJECTED" {
		t.Errorf("the container is %+v", container)
	}
}

func TestARemovedFieldOfTheSpecIsRemovedFromTheObject(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1, NodeSelector: map[string]string{"disk": "fast"}})
	a.network.Spec.NodeSelector, a.network.Generation = nil, 2
	a.expect("patch net-sts", "apply net-sts")
	if got := a.set().Spec.Template.Spec.NodeSelector; got != nil {
		t.Errorf("the node selector is %v", got)
	}
}

// A list of terms without keys is one value.
func TestTwoTermsOfOneTopologyKeyAreWrittenOnce(t *testing.T) {
	term := func(key string) corev1.PodAffinityTerm {
		return corev1.PodAffinityTerm{TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpExists}},
		}}
	}
	spread := func(when corev1.UnsatisfiableConstraintAction, value string) corev1.TopologySpreadConstraint {
		return corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: when, LabelSelector: &metav1.LabelSelector{
			MatchLabels: map[string]string{"app": value},
		}}
	}
	a := applyNetwork(t, v1.BitcoinNetworkSpec{
		Nodes: 1,
		Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term("a"), term("b")},
		}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{spread(corev1.DoNotSchedule, "a"), spread(corev1.ScheduleAnyway, "b")},
	})
	a.expect()
	before := a.set()
	a.edit(func(set *appsv1.StatefulSet) {
		terms := &set.Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		*terms = append(*terms, term("foreign"))
	})
	a.expect("patch net-sts", "apply net-sts")
	if !equality.Semantic.DeepEqual(a.set().Spec.Template, before.Spec.Template) {
		t.Errorf("the template is %+v", a.set().Spec.Template.Spec)
	}
}

func TestARolloutIsEvaluatedByTheServersAnswer(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	a.edit(func(set *appsv1.StatefulSet) { set.Status.ObservedGeneration = set.Generation })
	cached := a.set()
	a.network.Spec.Image, a.network.Generation = "nodes:2", 2
	p := &applyPass{network: a.network, state: a.state, groups: resources.Groups(a.network, "")}
	if err := a.r.listObjects(a.Context(), p); err != nil {
		t.Fatal(err)
	}
	objects, err := a.r.desiredObjects(a.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := a.r.applyObject(a.Context(), p, objects[len(objects)-1])
	if err != nil || outcome.set == nil {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if got := outcome.set.Spec.Template.Spec.Containers[0].Image; got != "nodes:2" || outcome.set.ResourceVersion == cached.ResourceVersion {
		t.Errorf("the rest of the pass sees version %s of a template with %s", outcome.set.ResourceVersion, got)
	}
	if _, ok := a.state.rollouts["net-sts"]; !ok || partitionOf(outcome.set) != 1 {
		t.Errorf("rollouts %v, partition %d", a.state.rollouts, partitionOf(outcome.set))
	}
}
