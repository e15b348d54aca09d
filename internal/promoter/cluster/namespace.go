package cluster

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// namespacedKind is a kind of objects that a namespace can hold.
type namespacedKind struct {
	schema.GroupVersionResource
	// collections is whether all of them can be deleted by one request.
	collections bool
}

// namespacedKinds are the kinds of objects that can be deleted from a namespace; nil if not all of them are known.
func (c *Client) namespacedKinds() (kinds []namespacedKind) {
	lists, err := c.Discovery().ServerPreferredResources()
	if err != nil {
		return nil
	}
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			return nil
		}
		for _, r := range l.APIResources {
			if r.Namespaced && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") {
				kinds = append(kinds, namespacedKind{gv.WithResource(r.Name), slices.Contains(r.Verbs, "deletecollection")})
			}
		}
	}
	return kinds
}

// deleteNamespace is one step of a deletion. The controller of Kubernetes begins five seconds after the request: what it does then is done
// here at once, which is to delete what the namespace holds and, when it holds nothing any more, the last finalizer. Without kinds all of
// it is left to the controller. A namespace that changes meanwhile is a conflict.
func (c *Client) deleteNamespace(ctx context.Context, name string, kinds []namespacedKind) error {
	ns, err := c.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if ns.DeletionTimestamp == nil {
		if err := c.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	empty, err := c.clear(ctx, name, kinds)
	// What is empty before the request may get new objects.
	if err != nil || !empty || len(kinds) == 0 || ns.DeletionTimestamp == nil {
		return err
	}
	ns.Spec.Finalizers = slices.DeleteFunc(ns.Spec.Finalizers, func(f corev1.FinalizerName) bool { return f == corev1.FinalizerKubernetes })
	_, err = c.CoreV1().Namespaces().Finalize(ctx, ns, metav1.UpdateOptions{})
	return err
}

// clear requests the deletion of all objects in a namespace; empty is true if there was none.
func (c *Client) clear(ctx context.Context, namespace string, kinds []namespacedKind) (empty bool, err error) {
	empty = true
	for _, kind := range kinds {
		objects := c.dynamic.Resource(kind.GroupVersionResource).Namespace(namespace)
		list, err := objects.List(ctx, metav1.ListOptions{})
		if isNotFound(err) || err == nil && len(list.Items) == 0 { // not found: a kind whose definition is deleted, too
			continue
		}
		if err != nil {
			return false, err
		}
		empty = false
		if kind.collections {
			if err := objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil && !isNotFound(err) {
				return false, err
			}
			continue
		}
		for _, o := range list.Items {
			if err := objects.Delete(ctx, o.GetName(), metav1.DeleteOptions{}); err != nil && !isNotFound(err) {
				return false, err
			}
		}
	}
	return empty, nil
}
