//go:build e2e

package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The leader is killed without a chance to hand over, between the first step of a scale-up and the last.
func TestOfTwoReplicasOneTakesOverWhatTheKilledLeaderBegan(t *testing.T) {
	const space = "scaled"
	r := newRelease(t, "two-replicas", space)
	r.install(candidate(t), values(t, "replicas: 2"))
	n := createNetwork(t, space, "growing", v1.BitcoinNetworkSpec{Nodes: 1})
	n.ready(1)
	leader := r.leader()

	n.scale(4)
	eventually(t, "the leader to begin", func() error {
		if replicas := *n.statefulSet().Spec.Replicas; replicas != 4 {
			return fmt.Errorf("%d replicas", replicas)
		}
		return nil
	})
	ok(t, testCluster.Core.CoreV1().Pods(r.namespace).Delete(t.Context(), leader, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))}))
	if status := n.get().Status; status.ReadyNodes == 4 {
		t.Fatal("the scale-up was over before the leader was killed, so this shows nothing")
	}
	eventually(t, "another leader", func() error {
		if now := r.leader(); now == "" || now == leader {
			return errors.New("none yet")
		}
		return nil
	})
	n.ready(4)
	n.meshed(4)
	n.mine(1)
	n.reaches(1, 4)
	// Events are not checked: those that the killed process had not sent yet are lost, as anywhere in Kubernetes.
}

// The replica that stood by has been running since before the rotation.
func TestAReplicaThatStoodByKeepsTheRotatedKey(t *testing.T) {
	const space = "rotating"
	r := newRelease(t, "rotated-replicas", space)
	r.install(candidate(t), values(t, "replicas: 2"))
	n := createNetwork(t, space, "kept", v1.BitcoinNetworkSpec{Nodes: 1})
	n.ready(1)
	before := n.statefulSet().Status.UpdateRevision
	clients, accept := testCluster.Core, func(credentials.MasterKeys) error { return nil }
	ok(t, credentials.RotateMasterKey(t.Context(), clients, r.namespace, "bitcoin-controller-master-key", accept))
	eventually(t, "the node to restart with the new key", func() error {
		if set := n.statefulSet(); set.Status.UpdateRevision == before || set.Status.CurrentRevision != set.Status.UpdateRevision {
			return fmt.Errorf("revisions %s and %s, %s before", set.Status.CurrentRevision, set.Status.UpdateRevision, before)
		}
		return nil
	})
	n.ready(1)
	rotated := n.statefulSet().Status.UpdateRevision
	leader := r.leader()
	ok(t, clients.CoreV1().Pods(r.namespace).Delete(t.Context(), leader, metav1.DeleteOptions{}))
	eventually(t, "another leader", func() error {
		if now := r.leader(); now == "" || now == leader {
			return errors.New("none yet")
		}
		return nil
	})
	// It scales the network, so that it has compared the objects.
	n.scale(2)
	n.ready(2)
	if now := n.statefulSet().Status.UpdateRevision; now != rotated {
		t.Errorf("the new leader restarts the nodes: revision %s, and %s before", now, rotated)
	}
}

// leader is the pod that holds the lease, "" for none.
func (r *release) leader() string {
	r.Helper()
	l, err := testCluster.Core.CoordinationV1().Leases(r.namespace).Get(r.Context(), lease, metav1.GetOptions{})
	ok(r.T, err)
	pod, _, _ := strings.Cut(ptr.Deref(l.Spec.HolderIdentity, ""), "_")
	return pod
}
