//go:build faults

package faults

import (
	"fmt"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestObservationsHaveThePartsOfALine(t *testing.T) {
	line := v1.BitcoinNetworkSpec{Nodes: 3, Topology: &v1.Topology{Type: v1.TopologyLine}}
	sees := func(nodes []int, edges map[topology.Edge]int) observation {
		o := observation{answered: map[int]bool{}, edges: edges}
		for _, n := range nodes {
			o.answered[n] = true
		}
		return o
	}
	first, second, third := topology.Edge{A: 0, B: 1}, topology.Edge{A: 1, B: 2}, topology.Edge{A: 0, B: 2}
	all, two := []int{0, 1, 2}, []int{0, 1}
	type edges = map[topology.Edge]int
	list := func(l ...observation) []observation { return l }
	anyNode, notTwo := func(int) bool { return true }, func(n int) bool { return n != 2 }
	for name, test := range map[string]struct {
		list    []observation
		settled func(int) bool
		want    string
	}{
		"all at once":           {list(sees(all, edges{first: 2, second: 2})), anyNode, "[]"},
		"one after the other":   {list(sees(all, edges{first: 2}), sees(all, edges{second: 2})), anyNode, "[]"},
		"one end only":          {list(sees(all, edges{first: 2, second: 1})), anyNode, "[nodes 1 and 2 connected: true]"},
		"one end that answers":  {list(sees(all, edges{first: 2}), sees([]int{1}, edges{second: 1})), anyNode, "[]"},
		"one that should not":   {list(sees(all, edges{first: 2, second: 2, third: 2})), anyNode, "[nodes 0 and 2 connected: false]"},
		"a node that is silent": {list(sees(two, edges{first: 2, second: 1})), anyNode, "[node 2]"},
		"a node with a fault":   {list(sees(two, edges{first: 2})), notTwo, "[]"},
		"a fault of another":    {list(sees(all, edges{second: 2})), notTwo, "[nodes 0 and 1 connected: true]"},
	} {
		if got := fmt.Sprint(unseen(line, test.list, test.settled)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
