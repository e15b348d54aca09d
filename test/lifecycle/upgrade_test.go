//go:build e2e

package lifecycle

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A release of the older chart with running networks becomes the candidate, and the older one again. The program stays the same:
// no node restarts unless its template had to change. Helm 3 has installed the older chart, and Helm 4 does the rest.
func TestAnUpgradeAndItsRollbackLeaveTheNodesAlone(t *testing.T) {
	const space = "lasting"
	r := newRelease(t, "upgraded", space)
	r.install(older(t), images(false))
	if definitionKnows(t, "expose") {
		t.Fatal("the older definition is the candidate's, so an upgrade would show nothing")
	}
	users(t, space)
	// The operator's image stands in the pods of networks with a Secret.
	stored := createNetwork(t, space, "stored", v1.BitcoinNetworkSpec{Nodes: 1, Secret: "users", Storage: &v1.Storage{}})
	plain := createNetwork(t, space, "plain", v1.BitcoinNetworkSpec{Nodes: 2})
	networks := map[*network]int{stored: 1, plain: 2}
	height := 0
	grow := func() {
		t.Helper()
		height += 3
		for n := range networks {
			n.mine(3)
		}
		for n, nodes := range networks {
			n.reaches(height, nodes)
			n.ready(nodes)
		}
	}
	for n, nodes := range networks {
		n.ready(nodes)
	}
	grow()

	for _, step := range []struct {
		name   string
		change func()
		knows  bool
	}{
		{"upgrade", func() { helm4{r}.upgrade(candidate(t), images(true)) }, true},
		{"rollback", func() { helm4{r}.rollback(1) }, false},
	} {
		lives, templates := map[*network][]string{}, map[*network]corev1.PodTemplateSpec{}
		for n, nodes := range networks {
			lives[n], templates[n] = n.lives(nodes), n.statefulSet().Spec.Template
		}
		operator := r.operator()
		step.change()
		r.waitForOperatorOtherThan(operator)
		if knows := definitionKnows(t, "expose"); knows != step.knows {
			t.Errorf("%s: the definition knows spec.expose: %v", step.name, knows)
		}
		// New blocks in the status, with Ready: the new operator has reconciled the networks.
		grow()
		for n, nodes := range networks {
			// Both releases run the same program, and another name of its image is no reason for other pods.
			if diff := cmp.Diff(templates[n], n.statefulSet().Spec.Template); diff != "" {
				t.Errorf("%s changed the pods of %s without need (-before +now):\n%s", step.name, n.name, diff)
			}
			if now := n.lives(nodes); !slices.Equal(now, lives[n]) {
				t.Errorf("%s restarted nodes of %s: %v before, %v now", step.name, n.name, lives[n], now)
			}
		}
	}

	stored.keepsItsBlocks(height)
}

// keepsItsBlocks deletes the pod of a network with storage, whose successor must have all blocks.
func (n *network) keepsItsBlocks(height int) {
	n.Helper()
	ok(n.T, testCluster.Core.CoreV1().Pods(n.namespace).Delete(n.Context(), n.pod(0), metav1.DeleteOptions{}))
	eventually(n.T, "another pod", func() error {
		pod, err := testCluster.Core.CoreV1().Pods(n.namespace).Get(n.Context(), n.pod(0), metav1.GetOptions{})
		if err == nil && (pod.DeletionTimestamp != nil || pod.Status.PodIP == "") {
			err = errors.New("not yet")
		}
		return err
	})
	n.ready(1)
	n.reaches(height, 1)
}

// waitForOperatorOtherThan waits until the release has one operator, which is not this pod.
func (r *release) waitForOperatorOtherThan(pod string) {
	r.Helper()
	eventually(r.T, "the former operator to be gone", func() error {
		if now := r.operator(); now == "" || now == pod {
			return errors.New("it is not")
		}
		return nil
	})
}

// operator is the only pod of a release that is not on its way out, "" when there are more or less than one.
func (r *release) operator() string {
	r.Helper()
	pods, err := testCluster.Core.CoreV1().Pods(r.namespace).List(r.Context(), metav1.ListOptions{LabelSelector: operatorLabels})
	ok(r.T, err)
	if len(pods.Items) != 1 || pods.Items[0].DeletionTimestamp != nil {
		return ""
	}
	return pods.Items[0].Name
}

// definitionKnows asks the API server what it has of the definition.
func definitionKnows(t *testing.T, field string) bool {
	t.Helper()
	crd, err := crds().ApiextensionsV1().CustomResourceDefinitions().Get(t.Context(), definition, metav1.GetOptions{})
	ok(t, err)
	_, known := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties[field]
	return known
}
