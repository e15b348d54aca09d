package network

import (
	"encoding/json"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// operatorPods are found by the chart's labels.
func operatorPods(t *testing.T) []corev1.Pod {
	t.Helper()
	needCluster(t)
	pods, err := cluster.core.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=bitcoin-controller"})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) == 0 {
		t.Fatal("no pod of the operator in the cluster: install the chart first")
	}
	return pods.Items
}

func TestTheOperatorReadsNoSecretOutsideItsNamespaceIntegration(t *testing.T) {
	pod := operatorPods(t)[0]
	user := "system:serviceaccount:" + pod.Namespace + ":" + pod.Spec.ServiceAccountName
	for _, namespace := range []string{"", "default", "kube-system"} {
		if namespace == pod.Namespace {
			continue
		}
		for _, verb := range []string{"get", "list", "watch"} {
			review, err := cluster.core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User: user, Groups: []string{"system:serviceaccounts", "system:authenticated"},
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: "secrets"},
				},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed {
				t.Errorf("%s may %s Secrets in namespace %q", user, verb, namespace)
			}
		}
	}
}

// everyObject is all that can be listed in any namespace, as JSON by resource, but for Secrets.
func everyObject(t *testing.T) map[string]string {
	t.Helper()
	_, lists, err := cluster.core.Discovery().ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	everything := dynamic.NewForConfigOrDie(cluster.config)
	found := map[string]string{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || version.Group == "" && r.Name == "secrets" {
				continue
			}
			objects, err := everything.Resource(version.WithResource(r.Name)).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatalf("list %s: %v", r.Name, err)
			}
			text, err := json.Marshal(objects)
			if err != nil {
				t.Fatal(err)
			}
			found[r.Name+"."+list.GroupVersion] = string(text)
		}
	}
	for _, wanted := range []string{"pods.v1", "events.v1", "configmaps.v1", "statefulsets.apps/v1", "bitcoinnetworks." + v1.SchemeGroupVersion.String()} {
		if found[wanted] == "" {
			t.Errorf("%s were not searched", wanted)
		}
	}
	return found
}
