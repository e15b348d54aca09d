package passes

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func network(name, uid string) *v1.LightningNetwork {
	return &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(uid)}}
}

func TestANetworkKeepsItsStateAndAnotherOneOfItsNameHasItsOwn(t *testing.T) {
	var store Store[int]
	created := 0
	create := func() *int { created++; return new(int) }
	first := store.Of(network("a", "1"), create)
	if *first = 7; store.Of(network("a", "1"), create) != first || created != 1 {
		t.Error("the state is another one")
	}
	other, second := store.Of(network("b", "2"), create), store.Of(network("a", "3"), create)
	if second == first || other == first || *second != 0 {
		t.Error("the network has the state of another one")
	}
	if all := store.All(); len(all) != 2 || all[types.NamespacedName{Namespace: "ns", Name: "a"}] != second {
		t.Errorf("%v", all)
	}
	store.Forget(types.NamespacedName{Namespace: "ns", Name: "a"})
	if all := store.All(); len(all) != 1 || store.Of(network("a", "3"), create) == second {
		t.Errorf("%v", all)
	}
}

func TestAStatusFromAnOldCacheIsReplaced(t *testing.T) {
	written := &Written[v1.LightningNetworkStatus]{"10", &v1.LightningNetworkStatus{ReadyNodes: 3}}
	for version, test := range map[string]struct {
		nodes int32
		kept  bool
	}{"9": {3, true}, "10": {1, false}, "11": {1, false}, "no number": {1, false}} {
		cached := network("a", "1")
		cached.ResourceVersion, cached.Status.ReadyNodes = version, 1
		if got := Restore(written, cached, &cached.Status); (got == written) != test.kept || (got == nil) == test.kept || cached.Status.ReadyNodes != test.nodes {
			t.Errorf("version %s: %v, %d nodes", version, got, cached.Status.ReadyNodes)
		}
		want := version
		if test.kept {
			want = "10"
		}
		if cached.ResourceVersion != want {
			t.Errorf("version %s becomes %s", version, cached.ResourceVersion)
		}
	}
	cached := network("a", "1")
	cached.ResourceVersion, cached.Status.ReadyNodes = "9", 1
	if Restore(nil, cached, &cached.Status) != nil || cached.Status.ReadyNodes != 1 || cached.ResourceVersion != "9" {
		t.Error("without a patch")
	}
}

type answers struct {
	client.Reader
	network *v1.LightningNetwork
	err     error
}

func (a answers) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if a.err == nil {
		a.network.DeepCopyInto(into.(*v1.LightningNetwork))
	}
	return a.err
}

func TestOnlyANetworkThatStaysHasAPass(t *testing.T) {
	deleting := network("a", "1")
	now := metav1.Now()
	deleting.DeletionTimestamp = &now
	down := errors.New("the API server is down")
	for name, test := range map[string]struct {
		answer       answers
		exists, gone bool
		err          error
	}{
		"exists":        {answers{network: network("a", "1")}, true, false, nil},
		"being deleted": {answers{network: deleting}, false, false, nil},
		"deleted":       {answers{err: apierrors.NewNotFound(schema.GroupResource{}, "a")}, false, true, nil},
		"unknown":       {answers{err: down}, false, false, down},
	} {
		gone := false
		exists, err := Read(t.Context(), test.answer, types.NamespacedName{Namespace: "ns", Name: "a"}, &v1.LightningNetwork{}, func() { gone = true })
		if exists != test.exists || gone != test.gone || !errors.Is(err, test.err) {
			t.Errorf("%s: exists %v, gone %v, %v", name, exists, gone, err)
		}
	}
}

func TestARequestForAPassNeverBlocks(t *testing.T) {
	requests := make(chan event.GenericEvent, 1)
	send := SendTo(requests, func() client.Object { return &v1.LightningNetwork{} })
	for range 2 {
		send(types.NamespacedName{Namespace: "ns", Name: "a"})
	}
	if got := <-requests; got.Object.GetNamespace() != "ns" || got.Object.GetName() != "a" || len(requests) > 0 {
		t.Errorf("%v", got.Object)
	}
}

func TestADeletionTimestampRequestsAPass(t *testing.T) {
	before := &v1.LightningNetwork{}
	after := before.DeepCopy()
	after.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	if !(Deletion{}).Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}) {
		t.Error("the update that sets it is dropped")
	}
	if (Deletion{}).Update(event.UpdateEvent{ObjectOld: after, ObjectNew: after}) {
		t.Error("a later update requests a pass")
	}
}
