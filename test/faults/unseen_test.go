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
	all := []int{0, 1, 2}
	for name, test := range map[string]struct {
		list    []observation
		settled func(int) bool
		want    string
	}{
		"all at once":           {[]observation{sees(all, map[topology.Edge]int{first: 2, second: 2})}, nil, "[]"},
		"one after the other":   {[]observation{sees(all, map[topology.Edge]int{first: 2}), sees(all, map[topology.Edge]int{second: 2})}, nil, "[]"},
		"one end only":          {[]observation{sees(all, map[topology.Edge]int{first: 2, second: 1})}, nil, "[nodes 1 and 2 connected: true]"},
		"one end that answers":  {[]observation{sees(all, map[topology.Edge]int{first: 2}), sees([]int{1}, map[topology.Edge]int{second: 1})}, nil, "[]"},
		"one that should not":   {[]observation{sees(all, map[topology.Edge]int{first: 2, second: 2, third: 2})}, nil, "[nodes 0 and 2 connected: false]"},
		"a node that is silent": {[]observation{sees([]int{0, 1}, map[topology.Edge]int{first: 2, second: 1})}, nil, "[node 2]"},
		"a node with a fault":   {[]observation{sees([]int{0, 1}, map[topology.Edge]int{first: 2})}, func(n int) bool { return n != 2 }, "[]"},
		"a fault of another":    {[]observation{sees(all, map[topology.Edge]int{second: 2})}, func(n int) bool { return n != 2 }, "[nodes 0 and 1 connected: true]"},
	} {
		if test.settled == nil {
			test.settled = func(int) bool { return true }
		}
		if got := fmt.Sprint(unseen(line, test.list, test.settled)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
