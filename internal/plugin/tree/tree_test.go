package tree

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var update = flag.Bool("update", false, "write the golden files")

// ready is a network of a shape whose nodes are all at one block.
func ready(spec v1.BitcoinNetworkSpec) *v1.BitcoinNetwork {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}, Spec: spec}
	nodes := noderef.Nodes(network)
	for _, node := range nodes {
		network.Status.Nodes = append(network.Status.Nodes, v1.NodeStatus{
			Ordinal: int32(node.Ordinal), Ready: true, IP: fmt.Sprintf("10.0.0.%d", node.Ordinal+1), PodName: node.Pod, Group: node.Group,
			Blocks: 101, BestBlockHash: strings.Repeat("a1", 32), Version: "/Satoshi:29.0.0/",
		})
	}
	network.Status.ReadyNodes = int32(len(nodes))
	network.Status.Height = 101
	network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Ready"}}
	return network
}

// connected are the reports of nodes with these edges.
func connected(nodes int, edges ...topology.Edge) map[int][]topology.Peer {
	peers := map[int][]topology.Peer{}
	for i := range nodes {
		peers[i] = []topology.Peer{}
	}
	for _, e := range edges {
		peers[e.A] = append(peers[e.A], topology.Peer{Address: fmt.Sprintf("10.0.0.%d:18444", e.B+1), Handshaked: true})
		peers[e.B] = append(peers[e.B], topology.Peer{Address: fmt.Sprintf("10.0.0.%d:40000", e.A+1), Inbound: true, Handshaked: true})
	}
	return peers
}

func TestNetworksAreDrawn(t *testing.T) {
	ring := ready(v1.BitcoinNetworkSpec{Nodes: 4, Topology: &v1.Topology{Type: v1.TopologyRing}})
	mined := ready(v1.BitcoinNetworkSpec{
		Nodes: 2, Groups: []v1.Group{{Name: "index", Nodes: 9}}, Topology: &v1.Topology{Type: v1.TopologyStar},
		Mining: &v1.Mining{Interval: &metav1.Duration{Duration: 90 * time.Second}, Node: ptr.To(int32(1))},
	})
	mined.Status.Nodes[10].Ready = false
	mined.Status.ReadyNodes = 10
	mined.Status.Conditions[0].Reason = "NodesNotReady"
	mined.Status.ForeignPeers = []v1.ForeignPeer{{Address: "10.9.9.9", Version: "/lnd:0.20/", Nodes: []int32{0, 1, 2, 5}}}
	silent := connected(10, topology.Edge{A: 0, B: 1}, topology.Edge{A: 0, B: 2}, topology.Edge{A: 1, B: 2})
	delete(silent, 9)
	split := ready(v1.BitcoinNetworkSpec{Nodes: 4, Partitions: []v1.Partition{{Nodes: []int32{1, 0}}}, Mining: &v1.Mining{}})
	for i := range 2 {
		split.Status.Nodes[i].BestBlockHash = strings.Repeat("b2", 32)
		split.Status.Nodes[i].Blocks = 103
	}
	split.Status.Height = 103
	split.Status.Conditions[0].Reason = "Forked"
	for name, item := range map[string]Item{
		"ring":     Network(ring, connected(4, topology.Edge{A: 0, B: 1}, topology.Edge{A: 1, B: 2}, topology.Edge{A: 2, B: 3}, topology.Edge{A: 0, B: 3})),
		"unasked":  Network(ring, nil),
		"trouble":  Network(mined, silent),
		"split":    Network(split, connected(4, topology.Edge{A: 0, B: 1}, topology.Edge{A: 2, B: 3}, topology.Edge{A: 1, B: 2})),
		"no-nodes": Network(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "empty"}}, nil),
	} {
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(item.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), item.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestIntervalsAreWrittenShortly(t *testing.T) {
	for text, want := range map[string]string{"10s": "10s", "1m": "1m", "1h": "1h", "90s": "1m30s", "1h30m": "1h30m", "500ms": "500ms", "1h0m5s": "1h0m5s", "100s": "1m40s"} {
		d, err := time.ParseDuration(text)
		if got := short(metav1.Duration{Duration: d}); err != nil || got != want {
			t.Errorf("%s is written as %s (%v), and should be as %s", text, got, err, want)
		}
	}
}
