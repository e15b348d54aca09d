//go:build e2e

package lifecycle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// objects are all objects in the cluster, of every kind that people make: "Kind namespace/name" and the object's UID.
func objects(t *testing.T) map[string]string {
	t.Helper()
	lists, err := testCluster.Core.Discovery().ServerPreferredResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, l := range lists {
		version, err := schema.ParseGroupVersion(l.GroupVersion)
		ok(t, err)
		for _, kind := range l.APIResources {
			// The API server makes an APIService for each definition.
			if kind.Name == "events" || kind.Name == "apiservices" || !slices.Contains(kind.Verbs, "list") {
				continue
			}
			items, err := dynamicClient().Resource(version.WithResource(kind.Name)).List(t.Context(), metav1.ListOptions{})
			ok(t, err)
			for _, o := range items.Items {
				all[fmt.Sprintf("%s %s/%s", kind.Kind, o.GetNamespace(), o.GetName())] = string(o.GetUID())
			}
		}
	}
	return all
}

// added are the objects that are in now and not in before, without those of namespaces that are left out.
func added(before, now map[string]string, without ...string) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(now)) {
		_, name, _ := strings.Cut(key, " ")
		namespace, _, _ := strings.Cut(name, "/")
		if before[key] != now[key] && !slices.Contains(without, namespace) {
			list = append(list, key)
		}
	}
	return list
}

// in are the objects of a namespace.
func in(namespace string, all map[string]string) map[string]string {
	own := map[string]string{}
	for key, uid := range all {
		if strings.Contains(key, " "+namespace+"/") {
			own[key] = uid
		}
	}
	return own
}

// dump shows what a failed test leaves.
func (r *release) dump(namespaces []string) {
	for _, namespace := range append(namespaces, r.namespace) {
		pods, err := testCluster.Core.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, p := range pods.Items {
			r.Logf("pod %s/%s: %s", namespace, p.Name, p.Status.Phase)
			if namespace != r.namespace {
				continue
			}
			lines := int64(40)
			if log, err := testCluster.Core.CoreV1().Pods(namespace).GetLogs(p.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(context.Background()); err == nil {
				r.Logf("%s", log)
			}
		}
		networks, err := testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(namespace).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, n := range networks.Items {
			r.Logf("network %s/%s: %+v", namespace, n.Name, n.Status)
		}
		events, err := testCluster.Core.CoreV1().Events(namespace).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, e := range events.Items {
			if e.Type == corev1.EventTypeWarning {
				r.Logf("event %s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
			}
		}
	}
}
