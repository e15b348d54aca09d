package cli

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// The right is needed when the network exists already.
func TestAMissingRightOnPodsIsNamedBeforeANetworkIsCreated(t *testing.T) {
	w := newWorld(t, three())
	name, _ := snapshotFile(t, time.Now())
	w.core.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, lacking("list", "pods")
	})
	w.fails(exitFailed, `your account has no right to list pods in namespace "ns"`, "create", "new", "--from", name)
	if list, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 1 {
		t.Errorf("the networks are %v (%v)", list.Items, err)
	}
}

func TestAnInterruptedStartFromASnapshotNamesWhatExists(t *testing.T) {
	w := newWorld(t, three())
	name, _ := snapshotFile(t, time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	w.forward = func(context.Context, string, string) (net.Conn, error) {
		cancel()
		return nil, errors.New("no route")
	}
	// Created after the network, as by the operator.
	w.networks.PrependReactor("create", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "new-sts-0", Namespace: "ns", UID: "1", Labels: resources.Labels("new")}}
		pod.Spec.NodeName = "machine"
		_, err := w.core.CoreV1().Pods("ns").Create(t.Context(), pod, metav1.CreateOptions{})
		return false, nil, err
	})
	const want = "error: interrupted; the network new exists, without mining, with chain and wallets on no node: the same command continues, and kubectl delete btcnet new begins anew\n"
	if code := w.runContext(ctx, "create", "new", "--from", name); code != exitInterrupted || !strings.HasSuffix(w.err.String(), want) {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
}
