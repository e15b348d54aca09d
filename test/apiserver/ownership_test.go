package apiserver_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// stays checks that the operator leaves a StatefulSet as it is, also after a restart.
func stays(t *testing.T, ns *apiserver.Namespace, op *apiserver.Operator, net *apiserver.Network) {
	t.Helper()
	waitForPasses(net, 2)
	before, writes := net.StatefulSet(), len(op.API.Writes())
	waitForPasses(net, 5)
	if more := op.API.Writes()[writes:]; len(more) > 0 {
		t.Errorf("the operator writes again and again: %v", more)
	}
	if err := op.Stop(); err != nil {
		t.Fatal(err)
	}
	again := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	waitForPasses(net, 5)
	if writes := again.API.Writes(); len(writes) > 0 {
		t.Errorf("after a restart the operator writes %v", writes)
	}
	if after := net.StatefulSet(); after.Generation != before.Generation {
		t.Errorf("the StatefulSet has generation %d after %d", after.Generation, before.Generation)
	}
}

func TestTermsWithOneTopologyKeyAreWrittenOnce(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	term := func(app string) corev1.PodAffinityTerm {
		return corev1.PodAffinityTerm{TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{app}}},
		}}
	}
	spread := func(action corev1.UnsatisfiableConstraintAction) corev1.TopologySpreadConstraint {
		return corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: action, LabelSelector: term("a").LabelSelector}
	}
	net := ns.Create("net", v1.BitcoinNetworkSpec{
		Nodes: 1,
		Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term("a"), term("b")},
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
				{Weight: 1, PodAffinityTerm: term("a")}, {Weight: 1, PodAffinityTerm: term("b")},
			},
		}},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{spread(corev1.DoNotSchedule), spread(corev1.ScheduleAnyway)},
		Tolerations:               []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpExists}, {Key: "a", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
	})
	net.WaitReady()
	stays(t, ns, op, net)
	set := net.StatefulSet()
	if got := len(set.Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution); set.Generation != 1 || got != 2 {
		t.Errorf("the StatefulSet has generation %d and %d terms, want 1 and 2", set.Generation, got)
	}
}

// inject is what a policy engine does: it adds a variable, a volume and a container, and takes images from a mirror.
func inject(spec *corev1.PodSpec) {
	if slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == "injected" }) {
		return
	}
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "injected", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Key: "injected", Operator: corev1.TolerationOpExists})
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.Env = append(c.Env, corev1.EnvVar{Name: "INJECTED", Value: "yes"})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "injected", MountPath: "/injected"})
	}
	spec.Containers = append(spec.Containers, corev1.Container{Name: "sidecar", Image: "sidecar:1"})
}

// mutated is the answer of a webhook that changes an object.
func mutated[T any](change func(*T)) apiserver.Admission {
	return func(request *admissionv1.AdmissionRequest) admission.Response {
		object := new(T)
		if err := json.Unmarshal(request.Object.Raw, object); err != nil {
			return admission.Errored(400, err)
		}
		change(object)
		text, err := json.Marshal(object)
		if err != nil {
			return admission.Errored(500, err)
		}
		return admission.PatchResponseFromRaw(request.Object.Raw, text)
	}
}

func TestWhatAWebhookInjectsIsLeftAlone(t *testing.T) {
	t.Parallel()
	for kind, mutate := range map[string]apiserver.Admission{
		"pods":         mutated(func(pod *corev1.Pod) { inject(&pod.Spec) }),
		"statefulsets": mutated(func(set *appsv1.StatefulSet) { inject(&set.Spec.Template.Spec) }),
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			ns.Mutate(mutate, kind)
			op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
			net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
			net.WaitReady()
			wantInjected(t, net)
			stays(t, ns, op, net)
			changeOfImage(t, net, 3)
			wantInjected(t, net)
		})
	}
}

// The first write of the operator after a webhook was installed brings what the webhook injects.
func TestAWebhookThatIsInstalledLaterRestartsEachNodeOnce(t *testing.T) {
	t.Parallel()
	net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 2})
	ns := net.Namespace
	ns.Mutate(mutated(func(set *appsv1.StatefulSet) { inject(&set.Spec.Template.Spec) }), "statefulsets")
	stays(t, ns, op, net)
	// One more than two nodes take: the operator first becomes the owner by apply of what it created.
	changeOfImage(t, net, 4)
	wantInjected(t, net)
}

// A webhook may also change what the operator specifies, such as the registry of an image.
func TestWhatAWebhookReplacesIsLeftAlone(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.Mutate(mutated(func(set *appsv1.StatefulSet) {
		c := &set.Spec.Template.Spec.Containers[0]
		c.Image = "mirror.example/" + strings.TrimPrefix(c.Image, "mirror.example/")
	}), "statefulsets")
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
	net.WaitReady()
	stays(t, ns, op, net)
	changeOfImage(t, net, 3)
	for _, pod := range net.Pods() {
		if image := pod.Spec.Containers[0].Image; image != "mirror.example/bitcoind:other" {
			t.Errorf("pod %s has the image %s", pod.Name, image)
		}
	}
}

func wantInjected(t *testing.T, net *apiserver.Network) {
	t.Helper()
	for _, pod := range net.Pods() {
		if env := pod.Spec.Containers[0].Env; !slices.ContainsFunc(env, func(v corev1.EnvVar) bool { return v.Name == "INJECTED" }) || len(pod.Spec.Containers) != 2 {
			t.Errorf("pod %s lost what the webhook injects: %v", pod.Name, env)
		}
	}
}

// changeOfImage checks that a change of the image comes to an end, with so many changes of the StatefulSet: one of the template, and one of
// the partition for each of two nodes.
func changeOfImage(t *testing.T, net *apiserver.Network, changes int64) {
	t.Helper()
	before := net.StatefulSet()
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Image = "bitcoind:other" })
	net.WaitReady()
	after := net.StatefulSet()
	if partition := *after.Spec.UpdateStrategy.RollingUpdate.Partition; after.Status.CurrentRevision != after.Status.UpdateRevision || partition != 0 {
		t.Errorf("the network is Ready with partition %d and revisions %s and %s", partition, after.Status.CurrentRevision, after.Status.UpdateRevision)
	}
	if more := after.Generation - before.Generation; more > changes {
		t.Errorf("the change of the image took %d changes of the StatefulSet", more)
	}
	waitForPasses(net, 5)
	if now := net.StatefulSet(); now.Generation != after.Generation {
		t.Errorf("the StatefulSet changes from generation %d to %d", after.Generation, now.Generation)
	}
}

func TestWhatAPersonTakesOverIsPutRight(t *testing.T) {
	t.Parallel()
	net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 2})
	ns := net.Namespace
	want := net.StatefulSet()
	for name, edit := range map[string]func(*appsv1.StatefulSet){
		"another value": func(set *appsv1.StatefulSet) { set.Spec.Template.Spec.Containers[0].Env[0].Value = "9" },
		"a variable less": func(set *appsv1.StatefulSet) {
			set.Spec.Template.Spec.Containers[0].Env = set.Spec.Template.Spec.Containers[0].Env[1:]
		},
		"a variable more":    func(set *appsv1.StatefulSet) { addVariable(set, "MORE") },
		"replicas":           func(set *appsv1.StatefulSet) { set.Spec.Replicas = ptr.To(int32(1)) },
		"an annotation":      func(set *appsv1.StatefulSet) { set.Spec.Template.Annotations = nil },
		"without an owner":   func(set *appsv1.StatefulSet) { set.ManagedFields = []metav1.ManagedFieldsEntry{{}} },
		"the hashes removed": func(set *appsv1.StatefulSet) { set.Annotations = nil },
	} {
		if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			set := net.StatefulSet()
			edit(set)
			return ns.Client.Update(t.Context(), set, client.FieldOwner("kubectl-edit"))
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		net.Wait(name+" to be put right", func() error {
			set := net.StatefulSet()
			switch {
			case fmt.Sprint(set.Spec.Template.Spec.Containers[0].Env) != fmt.Sprint(want.Spec.Template.Spec.Containers[0].Env):
				return fmt.Errorf("the variables are %v", set.Spec.Template.Spec.Containers[0].Env)
			case *set.Spec.Replicas != 2:
				return fmt.Errorf("%d replicas", *set.Spec.Replicas)
			case fmt.Sprint(set.Spec.Template.Annotations) != fmt.Sprint(want.Spec.Template.Annotations):
				return fmt.Errorf("the annotations of the template are %v", set.Spec.Template.Annotations)
			case fmt.Sprint(set.Annotations) != fmt.Sprint(want.Annotations):
				return fmt.Errorf("the annotations are %v", set.Annotations)
			}
			return nil
		})
		net.WaitReady()
	}
}

func addVariable(set *appsv1.StatefulSet, name string) {
	c := &set.Spec.Template.Spec.Containers[0]
	c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: "x"})
}
