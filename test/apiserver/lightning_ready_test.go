package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// Every Ready that anybody reads is compared with the nodes themselves, while channels come and go.
func TestALightningNetworkIsNeverReadyEarly(t *testing.T) {
	t.Parallel()
	ln, _, _ := withLightning(t, 2, twoChannels)
	stop := watchReady(t, ln)
	ln.WaitReady()
	for _, change := range []func(*v1.LightningNetworkSpec){
		func(s *v1.LightningNetworkSpec) {
			s.Channels = append(s.Channels, v1.LightningChannel{From: 2, To: 0, Capacity: 50_000, Count: 2})
		},
		func(s *v1.LightningNetworkSpec) { s.Channels[0].Capacity = 2_000_000 },
		func(s *v1.LightningNetworkSpec) { s.Nodes, s.Channels = 2, s.Channels[:1] },
	} {
		ln.Update(func(n *v1.LightningNetwork) { change(&n.Spec) })
		ln.WaitReady()
	}
	stop()
	// The user has changed the channels that are missing.
	for _, event := range ln.Events() {
		if event.Reason == v1.LightningEventChannelLost {
			t.Errorf("%s: %s", event.Reason, event.Note)
		}
	}
}

// watchReady fails the test if the network is reported as ready while its channels are not active, until it is stopped.
func watchReady(t *testing.T, ln *apiserver.Lightning) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	watched := make(chan error, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				watched <- nil
				return
			case <-time.After(20 * time.Millisecond):
			}
			if err := checkReady(ctx, ln); err != nil && ctx.Err() == nil {
				watched <- err
				return
			}
		}
	}()
	return func() {
		t.Helper()
		cancel()
		if err := <-watched; err != nil {
			t.Error(err)
		}
	}
}

// checkReady returns an error if the network is reported as ready while its channels are not active.
func checkReady(ctx context.Context, ln *apiserver.Lightning) error {
	network, err := ln.TryGet(ctx)
	if err != nil {
		return err
	}
	ready := meta.FindStatusCondition(network.Status.Conditions, v1.LightningConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != network.Generation {
		return nil
	}
	active, missing := ln.CountActive(int(network.Spec.Nodes))
	if missing == nil && active >= int(network.Status.DesiredChannels) {
		return nil
	}
	// The specification, or what the operator reports, may have changed in between.
	now, err := ln.TryGet(ctx)
	if err != nil {
		return err
	}
	after := meta.FindStatusCondition(now.Status.Conditions, v1.LightningConditionReady)
	if now.Generation == network.Generation && after.Status == metav1.ConditionTrue && after.LastTransitionTime.Equal(&ready.LastTransitionTime) {
		return errors.Join(fmt.Errorf("Ready with %d of %d channels: %+v", active, network.Status.DesiredChannels, network.Status.Channels), missing)
	}
	return nil
}

// The network is deleted and created again, or comes from a backup: the claims have the wallets and channels of before.
func TestALightningNetworkThatIsCreatedAgainHasItsChannels(t *testing.T) {
	t.Parallel()
	spec := twoChannels
	spec.Storage = &v1.LightningStorage{RetentionPolicy: "Retain"}
	ln, _, _ := withLightning(t, 1, spec)
	before := ln.WaitReady()
	if err := ln.Client.Delete(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	testtools.Eventually(t, "all pods to be deleted", apiserver.Limit, func() error {
		pods := &corev1.PodList{}
		if err := ln.Client.List(t.Context(), pods, client.InNamespace(ln.Namespace.Name), client.MatchingLabels{"app.kubernetes.io/name": "lnd"}); err != nil {
			return err
		}
		if n := len(pods.Items); n > 0 {
			return fmt.Errorf("%d pods exist", n)
		}
		return nil
	})
	ln = ln.CreateLightning("ln", spec)
	after := ln.WaitReady()
	openedOnce(t, ln.Namespace, 2)
	if before.UID == after.UID || before.Status.Channels[0].Point != after.Status.Channels[0].Point {
		t.Errorf("%+v", after.Status.Channels)
	}
}

// The Services of nodes 1 and 2 lead to bitcoinds of their own after a scale, and the connections of LND stay where they are without a restart.
func TestLNDsRestartOneAfterTheOtherForAnotherBitcoind(t *testing.T) {
	t.Parallel()
	ln, net, _ := withLightning(t, 1, twoChannels)
	ln.WaitReady()
	stop := watchReady(t, ln)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 3 })
	ln.Eventually("a bitcoind for each node", func(*v1.LightningNetwork) error {
		for i := range 3 {
			if got, want := ln.BitcoindOf(ln.PodName(i)), fmt.Sprintf("net-sts-%d", i); got != want {
				return fmt.Errorf("node %d uses %s", i, got)
			}
		}
		return nil
	})
	ln.WaitReady()
	stop()
	if n := ln.Lightning().Restarts(); n != 1 {
		t.Errorf("%d LNDs restarted at the same time", n)
	}
	openedOnce(t, ln.Namespace, 2)
}
