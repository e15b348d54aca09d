package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// CacheOptions are those that the manager's cache needs: what the controller reads, and no more.
func CacheOptions() cache.Options {
	// With their managed fields: the controller compares the owners of the fields.
	ours := cache.ByObject{
		Label:     labels.SelectorFromSet(labels.Set{resources.LabelManagedBy: resources.ManagedByValue}),
		Transform: func(object any) (any, error) { return object, nil },
	}
	return cache.Options{
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Label: ours.Label, Transform: stripPod}, &corev1.Service{}: ours, &corev1.ConfigMap{}: ours, &appsv1.StatefulSet{}: ours,
			&policyv1.PodDisruptionBudget{}: ours,
		},
		// Of the networks. They have no entry, which a kind whose definition does not exist must not have.
		DefaultTransform: cache.TransformStripManagedFields(),
	}
}

// stripPod removes the spec of a cached pod but for its cluster node: the operator reads no more of it, pods are most of the cached
// objects, and specs are most of a pod.
func stripPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.Spec = corev1.PodSpec{NodeName: pod.Spec.NodeName}
	}
	return cache.TransformStripManagedFields()(object)
}
