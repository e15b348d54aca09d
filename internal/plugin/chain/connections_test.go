package chain

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestTheDifferenceOfConnectionsIsNamed(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}, Spec: v1.BitcoinNetworkSpec{
		Nodes: 4, Partitions: []v1.Partition{{Nodes: []int32{0, 1}}},
	}}
	address := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}
	for want, edges := range map[string][]topology.Edge{
		"":                                  {{A: 0, B: 1}, {A: 2, B: 3}},
		"not connected are nodes 0 and 1":   {{A: 2, B: 3}},
		"still connected are nodes 1 and 2": {{A: 0, B: 1}, {A: 2, B: 3}, {A: 1, B: 2}},
		"not connected are nodes 2 and 3; still connected are nodes 0 and 2, nodes 0 and 3": {{A: 0, B: 1}, {A: 0, B: 2}, {A: 0, B: 3}},
	} {
		observed := make([]topology.Node, 4)
		for i := range observed {
			observed[i] = topology.Node{Ordinal: i, Address: address[i], Answered: true}
		}
		for _, e := range edges {
			observed[e.A].Peers = append(observed[e.A].Peers, topology.Peer{Address: address[e.B] + ":18444", Handshaked: true})
			observed[e.B].Peers = append(observed[e.B].Peers, topology.Peer{Address: address[e.A] + ":1", Inbound: true, Handshaked: true})
		}
		if got := compare(network, noderef.Nodes(network), observed); got != want {
			t.Errorf("the difference is %q, and should be %q", got, want)
		}
		// A node that is not ready has no connections to wait for.
		if want == "not connected are nodes 0 and 1" {
			if got := compare(network, noderef.Nodes(network)[1:], observed); got != "" {
				t.Errorf("without node 0 the difference is %q", got)
			}
		}
	}
}
