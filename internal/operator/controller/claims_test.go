package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// growing is a network with the claims of two running nodes, which are counted when they are read.
type growing struct {
	*applied
	nodes []node
	reads int
	now   time.Time
}

type countedReads struct {
	client.Reader
	reads *int
}

func (c countedReads) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	*c.reads++
	return c.Reader.Get(ctx, key, object, options...)
}

func newGrowing(t *testing.T, policy v1.RetentionPolicy) *growing {
	t.Helper()
	g := &growing{now: time.Unix(1_000_000, 0)}
	g.applied = applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 2, Storage: &v1.Storage{Size: ptr.To(resource.MustParse("1Gi")), RetentionPolicy: policy}})
	g.nodes = nodesOf(g.network.Name, g.pass().groups, nil, nil).desired
	withAddresses(g.nodes)
	for i := range g.nodes {
		g.nodes[i].pod.Spec.NodeName = "worker"
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "data-" + g.nodes[i].podName},
			Spec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			}},
		}
		if err := g.r.client.Create(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
	}
	g.r.live = countedReads{g.r.live, &g.reads}
	g.r.now = func() time.Time { return g.now }
	return g
}

// grow is one pass, a second after the last one.
func (g *growing) grow() string {
	g.Helper()
	g.now, g.writes, g.reads = g.now.Add(time.Second), nil, 0
	sets := g.pass().sets
	return g.r.growClaims(g.Context(), g.network, g.state, sets, g.nodes, g.now)
}

func (g *growing) size(pod string) string {
	g.Helper()
	claim := &corev1.PersistentVolumeClaim{}
	if err := g.r.client.Get(g.Context(), client.ObjectKey{Namespace: "ns", Name: "data-" + pod}, claim); err != nil {
		g.Fatal(err)
	}
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return size.String()
}

func (g *growing) specify(size string) {
	g.network.Spec.Storage.Size = ptr.To(resource.MustParse(size))
	g.network.Generation++
}

func TestClaimsGrowWithTheSpec(t *testing.T) {
	g := newGrowing(t, v1.RetentionDelete)
	if message := g.grow(); message != "" || g.reads+len(g.writes) > 0 {
		t.Errorf("unchanged: %q, %d reads, writes %q", message, g.reads, g.writes)
	}
	g.specify("2Gi")
	g.nodes[1].pod.Spec.NodeName = ""
	if message := g.grow(); message != "" || g.size("net-sts-0") != "2Gi" || g.size("net-sts-1") != "1Gi" {
		t.Errorf("%q, claims of %s and %s", message, g.size("net-sts-0"), g.size("net-sts-1"))
	}
	g.nodes[1].pod.Spec.NodeName = "worker"
	if message := g.grow(); message != "" || g.size("net-sts-1") != "2Gi" {
		t.Errorf("%q, claim of %s", message, g.size("net-sts-1"))
	}
	if message := g.grow(); message != "" || g.reads+len(g.writes) > 0 {
		t.Errorf("when it is done: %q, %d reads, writes %q", message, g.reads, g.writes)
	}
	// The templates are immutable.
	if got := g.set().Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]; got.String() != "1Gi" {
		t.Errorf("the template has %s", got.String())
	}
	// Another operator reads each claim once.
	g.restartOperator()
	if message := g.grow(); message != "" || g.reads != 2 || len(g.writes) > 0 {
		t.Errorf("after a restart: %q, %d reads, writes %q", message, g.reads, g.writes)
	}
	g.grow()
	if g.reads > 0 {
		t.Errorf("%d reads later", g.reads)
	}
}

// bitcoind ends when it is flushed on a full volume. A larger size in the spec makes no room yet.
func TestAFullVolumeIsFlushedOnlyWhenItHasGrown(t *testing.T) {
	g := newGrowing(t, v1.RetentionDelete)
	g.nodes[0].answer = onChains("a")[0].answer
	g.nodes[0].answer.chain.SizeOnDisk = 1000 << 20
	expect := func(when string, want bool) {
		t.Helper()
		volume := volumesOf(&g.state.claims, g.network.Spec.Storage, g.pass().sets)(&g.nodes[0])
		if got := hasRoom(volume, sizesOnDisk(g.nodes)[g.nodes[0].pod.UID]); got != want {
			t.Errorf("%s: the volume has %s, room is %v", when, volume, got)
		}
	}
	expect("full", false)
	g.specify("2Gi")
	expect("a larger size", false)
	g.grow()
	expect("it is requested", false)
	if g.grow(); g.reads > 0 {
		t.Errorf("%d reads a second later", g.reads)
	}
	claim := &corev1.PersistentVolumeClaim{}
	if err := g.r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "data-net-sts-0"}, claim); err != nil {
		t.Fatal(err)
	}
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}
	if err := g.r.client.Status().Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	g.now = g.now.Add(maxRetryInterval)
	if g.grow(); g.reads != 1 {
		t.Errorf("%d reads half a minute later, want one of the full volume", g.reads)
	}
	expect("it has grown", true)
	g.now = g.now.Add(maxRetryInterval)
	if g.grow(); g.reads > 0 {
		t.Errorf("%d reads when it is done", g.reads)
	}
}

// The condition suggests a larger size when bitcoind does not start on a full volume.
func TestTheClaimOfANodeThatDoesNotStartGrows(t *testing.T) {
	g := newGrowing(t, v1.RetentionDelete)
	g.specify("2Gi")
	g.nodes[0].pod.Status.ContainerStatuses = []corev1.ContainerStatus{waiting("bitcoind", "CrashLoopBackOff", "back-off")}
	if message := g.grow(); message != "" || g.size("net-sts-0") != "2Gi" || g.size("net-sts-1") != "2Gi" {
		t.Errorf("%q, claims of %s and %s", message, g.size("net-sts-0"), g.size("net-sts-1"))
	}
}

// A claim that a user has expanded stays so.
func TestALargerClaimIsLeftAlone(t *testing.T) {
	g := newGrowing(t, v1.RetentionRetain)
	claim := &corev1.PersistentVolumeClaim{}
	if err := g.r.client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "data-net-sts-0"}, claim); err != nil {
		t.Fatal(err)
	}
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("5Gi")
	if err := g.r.client.Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	// Retained claims may be smaller than the templates, so that they are read once.
	if message := g.grow(); message != "" || g.reads != 2 || len(g.writes) > 0 {
		t.Errorf("%q, %d reads, writes %q", message, g.reads, g.writes)
	}
	g.specify("3Gi")
	if message := g.grow(); message != "" || g.size("net-sts-0") != "5Gi" || g.size("net-sts-1") != "3Gi" {
		t.Errorf("%q, claims of %s and %s", message, g.size("net-sts-0"), g.size("net-sts-1"))
	}
}

func TestAClassThatDoesNotExpandIsReported(t *testing.T) {
	g := newGrowing(t, v1.RetentionDelete)
	var fault error = apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "data-net-sts-0",
		errors.New("only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"))
	g.reject = func(string) error { return fault }
	g.specify("2Gi")
	message := g.grow()
	for _, part := range []string{"the claim of Pod net-sts-0 cannot be expanded to 2Gi", "must support resize", "set storage.size back"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message has no %q: %s", part, message)
		}
	}
	if again := g.grow(); again != message || g.reads+len(g.writes) > 0 {
		t.Errorf("a second later: %q, %d reads, writes %q", again, g.reads, g.writes)
	}
	g.now = g.now.Add(maxRetryInterval)
	if again := g.grow(); again != message || g.reads != 2 {
		t.Errorf("half a minute later: %q, %d reads", again, g.reads)
	}
	// An error that passes by itself changes nothing of that, and ends the pass.
	g.now, fault = g.now.Add(maxRetryInterval), apierrors.NewInternalError(errors.New("etcd"))
	if again := g.grow(); again != message || g.reads != 1 {
		t.Errorf("an internal error: %q, %d reads", again, g.reads)
	}
	if g.grow(); g.reads > 0 {
		t.Errorf("%d reads a second after an internal error", g.reads)
	}
	g.specify("1Gi")
	if again := g.grow(); again != "" || g.reads > 0 {
		t.Errorf("set back: %q, %d reads", again, g.reads)
	}
}

func TestClaimsThatDoNotGrowStallAReadyNetwork(t *testing.T) {
	_, in := healthy()
	set := evaluate(in).withRejectedClaims("no")
	if !set.Ready.Met || !set.Stalled.Met || set.Stalled.Reason != v1.ReasonStorageNotExpanded || set.Reconciling.Met || set.Reconciling.Reason != v1.ReasonStorageNotExpanded {
		t.Errorf("%+v", set)
	}
	podNotReady(in, 0, waiting("bitcoind", "CreateContainerError", "no"))
	stalled := evaluate(in).Stalled
	if set := evaluate(in).withRejectedClaims("no"); set.Stalled.Reason != v1.ReasonNodeFailing || set.Stalled.Message != stalled.Message+"; no" || !strings.HasSuffix(set.Reconciling.Message, "; no") {
		t.Errorf("%+v, %+v", set.Stalled, set.Reconciling)
	}
	if set := evaluate(in); set != set.withRejectedClaims("") {
		t.Error("nothing is rejected")
	}
}
