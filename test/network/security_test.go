//go:build e2e

package network

import (
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// operatorPods are those of the operator, of which there must be one.
func operatorPods(t *testing.T) []corev1.Pod {
	t.Helper()
	needCluster(t)
	pods, err := operators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(pods) == 0 {
		t.Fatal("no pod of the operator in the cluster: install the chart first")
	}
	return pods
}

// undisturbed is held by tests that the end of the operator would disturb, for reading, and by those that end it.
var undisturbed sync.RWMutex

// endOperators deletes the operator's pods, as the failure of a machine would. Their logs, which go with them, are searched first.
func (env *testEnv) endOperators() {
	env.Helper()
	env.endOperatorsAfter(func() {})
}

// endOperatorsAfter does so after a wait, in which nobody else does.
func (env *testEnv) endOperatorsAfter(wait func()) {
	env.Helper()
	undisturbed.Lock()
	defer undisturbed.Unlock()
	wait()
	pods := operatorPods(env.T)
	found, err := searchedLogs(env.Context(), pods)
	if err != nil {
		env.Fatal(err)
	}
	for _, find := range found {
		env.Error(find)
	}
	for _, pod := range pods {
		if err := cluster.Core.CoreV1().Pods(pod.Namespace).Delete(env.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
			env.Fatal(err)
		}
	}
}

// leads returns which pod of the operator leads, "" for none, and since when.
func (env *testEnv) leads() (holder string, since time.Time) {
	env.Helper()
	namespace := operatorPods(env.T)[0].Namespace
	lease, err := cluster.Core.CoordinationV1().Leases(namespace).Get(env.Context(), "bitcoin-controller.bitcoincontroller.christianb93.github.com", metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return ptr.Deref(lease.Spec.HolderIdentity, ""), ptr.Deref(lease.Spec.AcquireTime, metav1.MicroTime{}).Time
}

func TestTheOperatorReadsNoSecretOutsideItsNamespace(t *testing.T) {
	pod := operatorPods(t)[0]
	user := "system:serviceaccount:" + pod.Namespace + ":" + pod.Spec.ServiceAccountName
	for _, namespace := range []string{"", "default", "kube-system"} {
		if namespace == pod.Namespace {
			continue
		}
		for _, verb := range []string{"get", "list", "watch"} {
			review, err := cluster.Core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
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
