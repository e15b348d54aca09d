package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestALookLingersUntilAllAnswersAreFromAfterIt(t *testing.T) {
	now := time.Now()
	at := func(seconds int) *answer { return &answer{at: now.Add(time.Duration(seconds) * time.Second)} }
	for name, test := range map[string]struct {
		until   int
		answers []*answer
		want    time.Duration
	}{
		"nobody ever lingered":                      {-1000, []*answer{at(0), at(0)}, 0},
		"a node lingers for two more seconds":       {2, []*answer{at(0), at(0)}, 2 * time.Second},
		"none does, but an answer is from before":   {-1, []*answer{at(0), at(-2)}, firstWait},
		"none does, and all answers are from after": {-1, []*answer{at(0), at(0)}, 0},
		"a node that does not answer says nothing":  {-1, []*answer{nil, at(0)}, 0},
	} {
		l := &look{now: now, memory: &memory{}}
		l.memory.lingers(now.Add(time.Duration(test.until) * time.Second))
		l.memory.lingers(now.Add(-time.Hour)) // the latest counts
		for _, a := range test.answers {
			l.nodes = append(l.nodes, node{answer: a})
		}
		if got := l.stillLingering(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestABatchThatIsUnderWayIsPending(t *testing.T) {
	m := &memory{nodes: map[types.UID]*nodeMemory{}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	m.node(pod)
	done, ok := m.act(pod)
	if _, again := m.act(pod); !ok || again || m.acting() != 1 {
		t.Errorf("claimed %v, a second time %v, %d nodes are acting", ok, again, m.acting())
	}
	if done(); m.acting() != 0 {
		t.Error("it is still acting")
	}
}

// A mesh of three becomes a line: two nodes are told to take each other off their lists.
func TestWhatIsTakenOffAListLingersAndCountsWhileItIsUnderWay(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-release
		var calls []struct{ ID int }
		_ = json.NewDecoder(r.Body).Decode(&calls)
		_ = json.NewEncoder(w).Encode(calls)
	}))
	defer server.Close()
	client := bitcoind.NewClient(nil, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	})
	r := &Reconciler{now: time.Now, nodes: &fleet{rpc: client, now: time.Now}, settings: resources.Settings{
		Credential: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{} },
	}}
	known := &memory{nodes: map[types.UID]*nodeMemory{}}
	connect := func() *look {
		l := healthy()
		l.memory, l.now = known, time.Now()
		l.network.Spec.Topology = &v1.Topology{Type: v1.TopologyLine}
		for i := range l.nodes {
			pod := l.nodes[i].pod
			pod.UID, pod.Status.PodIP = types.UID(pod.Name), address(i)
			known.node(pod)
			l.nodes[i].ordinal, l.nodes[i].answer.at = i, l.now
			for j := range l.nodes {
				if j != i {
					l.nodes[i].answer.added = append(l.nodes[i].answer.added, bitcoind.AddedNode{AddedNode: address(j)})
					l.nodes[i].answer.peers = append(l.nodes[i].answer.peers, bitcoind.PeerInfo{ID: int64(j), Addr: address(j), Version: 1})
				}
			}
		}
		if err := r.connect(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := connect(); l.pending != 2 || l.lingering != 0 {
		t.Errorf("%d calls are pending, and it lingers for %s", l.pending, l.lingering)
	}
	if l := connect(); l.pending != 4 {
		t.Errorf("while two nodes are at it, %d calls are pending, and not two more", l.pending)
	}
	close(release)
	r.nodes.gone.Wait()
	if l := connect(); l.lingering <= 0 {
		t.Error("both have taken the other off their lists, and neither lingers")
	}
	r.nodes.gone.Wait()
}

func address(node int) string { return fmt.Sprintf("10.0.0.%d", node+1) }
