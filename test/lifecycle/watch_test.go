//go:build e2e

package lifecycle

import (
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestWithWatchedNamespacesNetworksElsewhereAreLeftAlone(t *testing.T) {
	r := newRelease(t, "few-namespaces", "watched", "unwatched")
	helm4{r}.install(candidate(t), values(t, "watchNamespaces: [watched]"))
	// The network that is to be left alone is created first: when the other one is Ready, there was time for it.
	alone := createNetwork(t, "unwatched", "alone", v1.BitcoinNetworkSpec{Nodes: 1})
	before := alone.get().ResourceVersion
	createNetwork(t, "watched", "cared-for", v1.BitcoinNetworkSpec{Nodes: 1}).ready(1)

	if now := alone.get(); now.ResourceVersion != before || now.Status.ObservedGeneration != -1 {
		t.Errorf("the operator has written to a network in a namespace that it does not watch: %+v", now.Status)
	}
	sets, err := testCluster.Core.AppsV1().StatefulSets("unwatched").List(t.Context(), metav1.ListOptions{})
	ok(t, err)
	if len(sets.Items) > 0 {
		t.Errorf("the operator has created %s in a namespace that it does not watch", sets.Items[0].Name)
	}

	// kubectl auth can-i --as prints the reason.
	account := "system:serviceaccount:" + r.namespace + ":" + releaseName
	const networks = "bitcoinnetworks"
	for _, question := range []struct {
		verb, group, resource, subresource string
	}{
		{"list", v1.GroupName, networks, ""},
		{"patch", v1.GroupName, networks, "status"},
		{"create", "apps", "statefulsets", ""},
		{"create", "", "services", ""},
		{"list", "", "pods", ""},
	} {
		for namespace, want := range map[string]bool{"watched": true, "unwatched": false, "": false} {
			allowed, why := canI(t, account, nil, authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: question.verb, Group: question.group, Resource: question.resource, Subresource: question.subresource,
			})
			if allowed != want {
				t.Errorf("%s %s/%s in %q: allowed %v (%s)", question.verb, question.resource, question.subresource, namespace, allowed, why)
			}
			if want && !strings.Contains(why, `RoleBinding "`+releaseName+`-networks/watched"`) {
				t.Errorf("%s %s is not allowed by the RoleBinding in the watched namespace: %s", question.verb, question.resource, why)
			}
		}
	}

	// A second operator may manage it, in its own namespace and without the definition, which is the first one's.
	second := newRelease(t, "another-operator")
	second.install(candidate(t), values(t, "watchNamespaces: [unwatched]\ncrds: {enabled: false}"))
	alone.ready(1)
	second.uninstall()
}

// canI asks the API server what `kubectl auth can-i` asks it.
func canI(t *testing.T, user string, groups []string, what authorizationv1.ResourceAttributes) (allowed bool, why string) {
	t.Helper()
	review, err := testCluster.Core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: user, Groups: append(groups, "system:authenticated"), ResourceAttributes: &what},
	}, metav1.CreateOptions{})
	ok(t, err)
	return review.Status.Allowed, review.Status.Reason
}
