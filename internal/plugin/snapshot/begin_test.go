package snapshot

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// addPod adds a pod that has a machine, and perhaps an address.
func (w *world) addPod(name, uid, ip string) {
	w.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", UID: types.UID(uid), Labels: resources.Labels(w.network.Name)}}
	pod.Spec.NodeName, pod.Status.PodIP = "machine", ip
	if _, err := w.core.CoreV1().Pods("ns").Create(w.Context(), pod, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// deletePod deletes that of a node.
func (w *world) deletePod(name string) {
	w.Helper()
	if err := w.core.CoreV1().Pods("ns").Delete(w.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
}

func TestANodeGetsItsBlocksBeforeItsAddressIsReported(t *testing.T) {
	a := saved(t)
	w := newWorld(t, "new", 3)
	for name, node := range w.nodes {
		w.deletePod(name)
		w.addPod(name, "1", "")
		node.rejected = 5
	}
	r := &Restorer{Cluster: w.client, Archive: a, Network: w.network}
	if _, err := r.Run(t.Context(), time.Minute); err != nil || len(r.Complete()) != 3 || r.Wallets() != 1 {
		t.Fatalf("nodes %v are complete, with %d wallets (%v)", r.Complete(), r.Wallets(), err)
	}
	if node := w.nodes["new-sts-1"]; node.early != 0 || len(node.calls) == 0 {
		t.Errorf("%d of %d calls are processes in a pod whose bitcoind has not started", node.early, len(node.calls))
	}
	if err := r.Unchanged(t.Context()); err != nil {
		t.Error(err)
	}
}

// Many pods that have not started would take many calls in vain.
func TestOnlyAFewNodesAreCalledBeforeTheirAddressIsReported(t *testing.T) {
	a := saved(t)
	var complete []int
	var err error
	// The run ends with its time, in which a busy machine may not complete the few.
	for _, limit := range []time.Duration{300 * time.Millisecond, 20 * time.Second} {
		w := newWorld(t, "new", maxEarly+2)
		for name := range w.nodes {
			w.deletePod(name)
			w.addPod(name, "1", "")
		}
		r := &Restorer{Cluster: w.client, Archive: a, Network: w.network}
		_, err = r.Run(t.Context(), limit)
		if complete = r.Complete(); len(complete) >= maxEarly {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "2 pods have not started, such as new-sts-") || len(complete) != maxEarly {
		t.Errorf("nodes %v are complete (%v)", complete, err)
	}
}

// The pods of a deleted network of the same name still answer when the new one is created.
func TestPodsOfAnEarlierNetworkGetNothing(t *testing.T) {
	a := saved(t)
	w := newWorld(t, "new", 2)
	r := &Restorer{Cluster: w.client, Archive: a, Network: w.network, Foreign: map[types.UID]bool{"1": true}}
	called := make(chan string, 100)
	forward := w.client.Forward
	w.client.Forward = func(ctx context.Context, network, address string) (net.Conn, error) {
		called <- address
		return forward(ctx, network, address)
	}
	done := make(chan error)
	go func() {
		_, err := r.Run(t.Context(), time.Minute)
		done <- err
	}()
	select {
	case address := <-called:
		t.Errorf("%s was called, which is the pod of another network", address)
	case <-time.After(100 * time.Millisecond):
	}
	for i := range 2 {
		w.deletePod(fmt.Sprintf("new-sts-%d", i))
		w.addPod(fmt.Sprintf("new-sts-%d", i), "2", "10.0.0.2")
	}
	if err := <-done; err != nil || len(r.Complete()) != 2 {
		t.Errorf("nodes %v are complete (%v)", r.Complete(), err)
	}
}

func TestAPodThatIsReplacedMeanwhileIsNamed(t *testing.T) {
	w := newWorld(t, "new", 3)
	r := &Restorer{Cluster: w.client, Archive: saved(t), Network: w.network}
	if _, err := r.Run(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	w.deletePod("new-sts-1")
	w.addPod("new-sts-1", "2", "10.0.0.1")
	if err := r.Unchanged(t.Context()); err == nil || err.Error() != "the pods of the nodes 1 were replaced meanwhile" || len(r.Complete()) != 2 {
		t.Errorf("nodes %v are complete (%v)", r.Complete(), err)
	}
}

// A call of a command that was killed continues in bitcoind.
func TestKeysAreGivenToAWalletThatStillReadsBlocksForAnEarlierCommand(t *testing.T) {
	w := newWorld(t, "new", 2)
	wallet := &wallet{balance: "0.00000000", rescans: 3}
	w.nodes["new-sts-1"].wallets["coins"] = wallet
	r := &Restorer{Cluster: w.client, Archive: saved(t), Network: w.network}
	if notes, err := r.Run(t.Context(), time.Minute); err != nil || len(notes) > 0 || len(wallet.descriptors) != 1 {
		t.Errorf("the wallet has %d descriptors (%v): %q", len(wallet.descriptors), err, notes)
	}
}
