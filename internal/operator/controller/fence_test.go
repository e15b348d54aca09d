package controller

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease/leasetest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestNoPassStartsWithoutTheLease(t *testing.T) {
	r := newReconcileTest(t, interceptor.Funcs{})
	var acquire func()
	r.fence, acquire, _ = leasetest.New()
	if result := r.mustPass(t); result.RequeueAfter != lease.Recheck || r.network(t).Status.ObservedGeneration != 0 {
		t.Errorf("the next pass is after %s, the status has generation %d", result.RequeueAfter, r.network(t).Status.ObservedGeneration)
	}
	acquire()
	if r.mustPass(t); r.network(t).Status.ObservedGeneration != 1 {
		t.Error("no pass with the lease")
	}
}

// A process is frozen between any two of its steps.
func TestAPassThatLosesTheLeaseWritesNothingMore(t *testing.T) {
	for name, test := range map[string]struct {
		// losing calls lose at some point of the pass.
		losing func(lose func()) interceptor.Funcs
		sets   int
	}{
		"at the first object": {func(lose func()) interceptor.Funcs {
			return interceptor.Funcs{Create: func(ctx context.Context, next client.WithWatch, object client.Object, options ...client.CreateOption) error {
				defer lose()
				return next.Create(ctx, object, options...)
			}}
		}, 0},
		"after the objects": {func(lose func()) interceptor.Funcs {
			lists := 0
			return interceptor.Funcs{List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				if _, pods := list.(*corev1.PodList); pods {
					if lists++; lists == 3 {
						lose()
					}
				}
				return next.List(ctx, list, options...)
			}}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fence, acquire, lose := leasetest.New()
			faults := test.losing(func() { lose() })
			r := newReconcileTest(t, faults)
			r.client, r.fence, r.nodes.fence = lease.Client(r.client, fence), fence, fence
			acquire()
			if _, err := r.pass(t); !errors.Is(err, lease.ErrNotRenewed) {
				t.Errorf("the pass ended with %v", err)
			}
			var sets appsv1.StatefulSetList
			if err := r.cache.List(t.Context(), &sets); err != nil || len(sets.Items) != test.sets {
				t.Errorf("%d StatefulSets exist, want %d, %v", len(sets.Items), test.sets, err)
			}
			if got := r.network(t).Status; got.ObservedGeneration != 0 || r.reasons() != "" {
				t.Errorf("the status is %+v", got)
			}
			// As the retry does, in time.
			lose = func() {}
			acquire()
			if r.mustPass(t); r.network(t).Status.ObservedGeneration != 1 || r.reasons() != "Created" {
				t.Errorf("with the lease the status is %+v", r.network(t).Status)
			}
		})
	}
}

func TestCallsThatChangeANodeEndWithoutTheLease(t *testing.T) {
	fence, acquire, _ := leasetest.New()
	c := &nodeClient{fence: fence}
	ended := func(kind callKind) bool {
		result := make(chan error, 1)
		c.run(t.Context(), newSlots(1), kind, func(ctx context.Context) { result <- ctx.Err() })
		return <-result != nil
	}
	if !ended(changingCalls) || ended(promptCalls) || ended(slowCalls) {
		t.Error("a call that changes a node is sent, or another one is not")
	}
	if acquire(); ended(changingCalls) {
		t.Error("with the lease a call is not sent")
	}
	c.calls.Wait()
}

func TestNoBlockIsMinedWithoutTheLease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 3, lineOf(0, 2), every(time.Second))
		var acquire func()
		w.client.fence, acquire, _ = leasetest.New()
		w.run(10*time.Second, 0)
		if got := len(w.mined); got > 0 {
			t.Errorf("%d blocks", got)
		}
		acquire()
		if w.run(5*time.Second, 0); len(w.mined) == 0 || len(w.reports) != 2 {
			t.Errorf("with the lease %d blocks, conditions %q", len(w.mined), w.reports)
		}
	})
}

// A call may wait for its slot longer than the lease lasts.
func TestABlockThatIsNotMinedForWantOfTheLeaseIsNoFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newMiningWorld(t, 3, lineOf(0, 2), every(time.Second))
		var acquire, lose func()
		w.client.fence, acquire, lose = leasetest.New()
		acquire()
		changing := w.state.shared.slots[changingCalls]
		if err := changing.Acquire(t.Context(), maxCallsPerNetwork); err != nil {
			t.Fatal(err)
		}
		if w.run(3*time.Second, 0); !w.state.shared.mining {
			t.Fatal("no block is to be mined")
		}
		lose()
		changing.Release(maxCallsPerNetwork)
		synctest.Wait()
		if got := w.state.shared.miningResults(); w.state.shared.mining || got != (miningResults{}) || w.fake.requeues() != 1 {
			t.Errorf("mining %t, results %+v, %d requeues", w.state.shared.mining, got, w.fake.requeues())
		}
		acquire()
		if w.run(5*time.Second, 0); len(w.mined) == 0 || len(w.reports) != 2 {
			t.Errorf("with the lease %d blocks, conditions %q", len(w.mined), w.reports)
		}
	})
}

func TestWalletsThatAreNotLoadedForWantOfTheLeaseAreLoadedWithIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		wallets := &walletNode{exist: []string{"savings"}}
		w := newWalletNodes(t, []string{"a"}, map[int]*walletNode{0: wallets})
		var acquire func()
		w.client.fence, acquire, _ = leasetest.New()
		for range maxWalletAttempts + 1 {
			w.load(t)
			synctest.Wait()
		}
		if got := w.shared.nodes[w.nodes[0].key()]; got.wallets != 0 || got.loading || wallets.calls != 0 {
			t.Errorf("%d attempts, %d calls, loading %t", got.wallets, wallets.calls, got.loading)
		}
		acquire()
		w.load(t)
		synctest.Wait()
		if !slices.Equal(wallets.loaded, wallets.exist) {
			t.Errorf("with the lease it has loaded %q", wallets.loaded)
		}
	})
}

func TestNoObjectIsDeletedAfterTheLeaseIsLost(t *testing.T) {
	fence, acquire, lose := leasetest.New()
	acquire()
	deletes := 0
	r := fakeAPIWith(t, interceptor.Funcs{Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
		deletes++
		lose()
		return nil
	}})
	r.client = lease.Client(r.client, fence)
	network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
	p := &applyPass{network: network, state: newNetworkState(network), existing: map[string]client.Object{}}
	for _, name := range []string{"a", "b"} {
		p.existing[name] = &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: name, OwnerReferences: []metav1.OwnerReference{{UID: network.UID, Controller: ptr.To(true)}},
		}}
	}
	if err := r.deleteUndesired(t.Context(), p, nil); !errors.Is(err, lease.ErrNotRenewed) || deletes != 1 {
		t.Errorf("%d deletes, %v", deletes, err)
	}
}
