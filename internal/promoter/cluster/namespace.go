package cluster

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// namespacedKind is a kind of objects that a namespace can hold.
type namespacedKind struct {
	schema.GroupVersionResource
	// collections is whether all of them can be deleted by one request.
	collections bool
}

// controlPlane is the label of the cluster nodes that have an API server.
const controlPlane = "node-role.kubernetes.io/control-plane"

// namespacedKinds are the kinds of objects that can be deleted from a namespace; nil if not all of them are known, and if there are several
// API servers: one that has not heard of the deletion creates objects in a namespace that is gone.
func (c *Client) namespacedKinds(ctx context.Context) (kinds []namespacedKind) {
	if servers, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: controlPlane}); err != nil || len(servers.Items) > 1 {
		return nil
	}
	lists, err := discovery.ToDiscoveryInterfaceWithContext(c.Discovery()).ServerPreferredResourcesWithContext(ctx)
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

// clear requests the deletion of all objects in a namespace; empty is true if there was none. What the API server rejects does not keep the
// others, and the error has all of it; a server that does not answer is asked once.
func (c *Client) clear(ctx context.Context, namespace string, kinds []namespacedKind) (empty bool, err error) {
	empty = true
	var rejected []error
	for _, kind := range kinds {
		objects := c.dynamic.Resource(kind.GroupVersionResource).Namespace(namespace)
		list, err := objects.List(ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) > 0 {
			empty = false
			err = deleteAll(ctx, objects, kind, list)
		}
		switch {
		case err == nil || isNotFound(err) || isConflict(err): // not found: the definition of the kind is deleted, too
		case !answered(err):
			return false, err
		default:
			rejected = append(rejected, err)
		}
	}
	return empty, errors.Join(rejected...)
}

// deleteAll requests the deletion of listed objects.
func deleteAll(ctx context.Context, objects dynamic.ResourceInterface, kind namespacedKind, list *unstructured.UnstructuredList) error {
	if kind.collections {
		return objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
	}
	var rejected []error
	for _, o := range list.Items {
		if err := objects.Delete(ctx, o.GetName(), metav1.DeleteOptions{}); err != nil && !isNotFound(err) && !isConflict(err) {
			rejected = append(rejected, err)
		}
	}
	return errors.Join(rejected...)
}

// answered is whether an error is a decision of the API server about what was requested, and not of a cluster that cannot be used.
func answered(err error) bool {
	_, answer := errors.AsType[*apierrors.StatusError](err)
	unusable := apierrors.IsUnauthorized(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err)
	return answer && !unusable
}
