package controller

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// controlledBy is the owner reference of a controller.
func controlledBy(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: kind, Name: name, UID: uid, Controller: ptr.To(true)}}
}

// Whoever copies a pod with its labels, or uses them for something else, adds no node to the network.
func TestOnlyPodsOfTheNetworkAreThoseOfRemovedNodes(t *testing.T) {
	for name, test := range map[string]struct {
		pod    string
		owners []metav1.OwnerReference
		want   bool
	}{
		"a pod beyond the replicas":                       {"n-sts-3", controlledBy("StatefulSet", "n-sts", "now"), true},
		"a pod of a removed group":                        {"n-old-sts-0", controlledBy("StatefulSet", "n-old-sts", "old"), true},
		"a pod of an earlier network":                     {"n-sts-7", controlledBy("StatefulSet", "n-sts", "earlier"), true},
		"the name of a node, of an earlier network":       {"n-sts-1", controlledBy("StatefulSet", "n-sts", "earlier"), true},
		"the name of a node, of nobody":                   {"n-sts-1", nil, true},
		"the name of a node, of another controller":       {"n-sts-1", controlledBy("ReplicaSet", "n-sts", "other"), true},
		"the name of a former node, after its set":        {"n-sts-12", nil, true},
		"the name of a former group's node":               {"n-old-sts-2", nil, true},
		"a copy for debugging":                            {"n-sts-0-debug", nil, false},
		"a copy with a name of its own":                   {"x", nil, false},
		"a pod of a Deployment":                           {"other-5d8f7-abcde", controlledBy("ReplicaSet", "other-5d8f7", "other"), false},
		"a pod of a Deployment with a name of a node":     {"n-sts-12", controlledBy("ReplicaSet", "n-sts", "other"), false},
		"a pod of another StatefulSet":                    {"web-0", controlledBy("StatefulSet", "web", "other"), false},
		"a pod of another StatefulSet with a common part": {"n-0", controlledBy("StatefulSet", "n", "other"), false},
	} {
		network, in := healthy()
		pods := []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: test.pod, OwnerReferences: test.owners, Labels: resources.Labels("n")}}}
		for i := range 3 {
			if own := in.nodes[i].pod.Name; own != test.pod {
				pods = append(pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: own, OwnerReferences: controlledBy("StatefulSet", "n-sts", "now")}})
			}
		}
		sets := map[string]*appsv1.StatefulSet{"n-sts": {ObjectMeta: metav1.ObjectMeta{Name: "n-sts", UID: "now"}}}
		in.leaving = nodesOf(network.Name, in.objects.groups, sets, pods).leaving
		if got := len(in.leaving) == 1 && in.leaving[0].Name == test.pod; got != test.want || len(in.leaving) > 1 {
			t.Errorf("%s: %d pods are leaving, want %v", name, len(in.leaving), test.want)
		}
		if got := evaluate(in).Ready.Met; got == test.want {
			t.Errorf("%s: Ready is %v", name, got)
		}
		// A pod with blocks that no node has reported keeps the height.
		if got := mayHaveMoreBlocks(in, false); got != test.want {
			t.Errorf("%s: it may have more blocks: %v", name, got)
		}
	}
}
