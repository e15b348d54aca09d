package controller

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Neither the network nor one of its objects has changed, so that a pass would not compare them.
func TestAnotherMasterKeyIsWrittenToTheNodes(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	a.expect()
	a.r.settings.Credential = func(*v1.BitcoinNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential([]byte("another key"), "1")
	}
	a.pass()
	if len(a.writes) == 0 {
		t.Error("nothing is written")
	}
	a.expect()
}

// slowCredentials are read after a while, and change when the test does.
type slowCredentials struct {
	read    time.Duration
	changes chan struct{}
}

func (c slowCredentials) Read(context.Context) error {
	time.Sleep(c.read)
	return nil
}

func (c slowCredentials) Follow(ctx context.Context, changed func()) {
	for {
		select {
		case <-c.changes:
			changed()
		case <-ctx.Done():
			return
		}
	}
}

// requests is a source of the requests in the channel.
type requests chan reconcile.Request

func (r requests) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	queue.Add(<-r)
	return nil
}

func TestPassesBeginWhenTheCredentialsAreReadAndAfterEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		var mu sync.Mutex
		passes := map[types.NamespacedName][]time.Duration{}
		one, other := testNetwork(v1.BitcoinNetworkSpec{}), testNetwork(v1.BitcoinNetworkSpec{})
		other.Name = "other"
		slow := slowCredentials{read: time.Minute, changes: make(chan struct{})}
		c, err := controller.NewTypedUnmanaged(t.Name(), controller.Options{
			SkipNameValidation: ptr.To(true),
			Reconciler: reconcile.Func(func(_ context.Context, r reconcile.Request) (reconcile.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				passes[r.NamespacedName] = append(passes[r.NamespacedName], time.Since(started))
				return reconcile.Result{}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		source := credentials.NewSource(slow, networksIn(fakeAPI(t, acceptAll, one, other).client))
		event := make(chan reconcile.Request, 1)
		event <- reconcile.Request{NamespacedName: testKey}
		if err := c.Watch(source); err != nil {
			t.Fatal(err)
		}
		if err := c.Watch(requests(event)); err != nil {
			t.Fatal(err)
		}
		go func() {
			if err := c.Start(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(time.Hour)
		slow.changes <- struct{}{}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		otherKey := types.NamespacedName{Namespace: "ns", Name: "other"}
		if got := passes[testKey]; len(got) != 2 || got[0] < slow.read || got[1] < time.Hour {
			t.Errorf("passes of one network: %v", got)
		}
		if got := passes[otherKey]; len(got) != 1 || got[0] < time.Hour {
			t.Errorf("passes of the other network: %v", got)
		}
	})
}
