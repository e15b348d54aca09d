package resources

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// DisruptionBudget lets a drain evict one node of the network after the other, whatever group they are in: all at once would take the
// chain of a network without storage with them. It is no part of Build, since not every network has one.
func DisruptionBudget(network *v1.BitcoinNetwork) *policyv1.PodDisruptionBudget {
	labels := Labels(network.Name)
	return OneAtATime(meta(network, network.Name+"-pdb", labels), labels)
}

// OneAtATime is a budget that lets a drain evict one of the pods with these labels after the other.
func OneAtATime(object metav1.ObjectMeta, pods map[string]string) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
		ObjectMeta: object,
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: ptr.To(intstr.FromInt32(1)),
			Selector:       &metav1.LabelSelector{MatchLabels: pods},
			// A node that is not ready has nothing to lose, and a drain must not wait for it.
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
}
