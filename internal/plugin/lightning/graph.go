package lightning

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/tree"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Map is the graph that several nodes know, each for itself.
type Map struct {
	// Asked are the ordinals of the nodes that answered.
	Asked []int     `json:"asked"`
	Nodes []MapNode `json:"nodes"`
	Edges []MapEdge `json:"edges"`
}

// MapNode is a node in the graph.
type MapNode struct {
	// Node is the ordinal; missing for a node outside of the network.
	Node   *int   `json:"node,omitempty"`
	PubKey string `json:"pubkey"`
	Alias  string `json:"alias,omitempty"`
	// KnownBy are the ordinals of the nodes whose graph has it.
	KnownBy []int `json:"knownBy"`
	name    string
}

// MapEdge is a channel in the graph.
type MapEdge struct {
	ShortID  ShortID `json:"shortID"`
	Point    string  `json:"point"`
	Capacity int64   `json:"capacity"`
	// Ends are the names of both nodes as in Names, and PubKeys their keys.
	Ends    [2]string `json:"ends"`
	PubKeys [2]string `json:"pubkeys"`
	// Policies are those of the ends, as the first node has them that knows both; null for one that no node knows.
	Policies [2]*MapPolicy `json:"policies"`
	// KnownBy are the ordinals of the nodes whose graph has it, with the policies of both ends: such a node can use the channel in a route.
	KnownBy []int `json:"knownBy"`
}

// MapPolicy is the price of an end for forwarding.
type MapPolicy struct {
	FeeBaseMsat int64 `json:"feeBaseMsat"`
	FeePerMil   int64 `json:"feePerMillion"`
	Disabled    bool  `json:"disabled,omitempty"`
}

// MapOf joins the graphs of nodes, by ordinal.
func MapOf(graphs map[int]Graph, names Names) Map {
	m := Map{Asked: []int{}, Nodes: []MapNode{}, Edges: []MapEdge{}}
	nodes, edges := map[string]*MapNode{}, map[string]*MapEdge{}
	for ordinal := range graphs {
		m.Asked = append(m.Asked, ordinal)
	}
	slices.Sort(m.Asked)
	for _, ordinal := range m.Asked {
		for _, n := range graphs[ordinal].Nodes {
			if nodes[n.PubKey] == nil {
				nodes[n.PubKey] = &MapNode{Node: names.ordinal(n.PubKey), PubKey: n.PubKey, KnownBy: []int{}, name: names.Name(n.PubKey)}
			}
			node := nodes[n.PubKey]
			node.Alias = cmp.Or(node.Alias, n.Alias)
			node.KnownBy = append(node.KnownBy, ordinal)
		}
		for _, e := range graphs[ordinal].Edges {
			if edges[e.Point] == nil {
				edges[e.Point] = &MapEdge{
					ShortID: e.ID, Point: e.Point, Capacity: e.Capacity, PubKeys: [2]string{e.Node1, e.Node2}, KnownBy: []int{},
					Ends: [2]string{names.Name(e.Node1), names.Name(e.Node2)},
				}
			}
			edges[e.Point].add(ordinal, e)
		}
	}
	for _, n := range nodes {
		m.Nodes = append(m.Nodes, *n)
	}
	for _, e := range edges {
		m.Edges = append(m.Edges, *e)
	}
	slices.SortFunc(m.Nodes, func(a, b MapNode) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.PubKey, b.PubKey))
	})
	slices.SortFunc(m.Edges, func(a, b MapEdge) int {
		return cmp.Or(cmp.Compare(a.ShortID, b.ShortID), cmp.Compare(a.Point, b.Point))
	})
	return m
}

// order is by ordinal, foreign nodes last.
func (n MapNode) order() int {
	if n.Node == nil {
		return math.MaxInt
	}
	return *n.Node
}

func (e *MapEdge) add(ordinal int, seen GraphEdge) {
	for i, p := range []*Policy{seen.Policy1, seen.Policy2} {
		if p != nil && e.Policies[i] == nil {
			e.Policies[i] = &MapPolicy{FeeBaseMsat: p.FeeBaseMsat, FeePerMil: p.FeePerMil, Disabled: p.Disabled}
		}
	}
	if seen.Policy1 != nil && seen.Policy2 != nil {
		e.KnownBy = append(e.KnownBy, ordinal)
	}
}

// Usable reports whether a graph has a channel with the policies of both ends.
func (g Graph) Usable(point string) bool {
	return slices.ContainsFunc(g.Edges, func(e GraphEdge) bool { return e.Point == point && e.Policy1 != nil && e.Policy2 != nil })
}

// Tree draws the graph below a line with the summary of the network.
func (m Map) Tree(network *v1.LightningNetwork) tree.Item {
	root := tree.Item{Text: tree.Lightning(network)}
	for _, n := range m.Nodes {
		parts := []string{n.name}
		if n.Alias != "" {
			parts = append(parts, n.Alias)
		}
		item := tree.Item{Text: strings.Join(append(parts, m.unknown(n.KnownBy)...), "  ")}
		for _, e := range m.Edges {
			if i := slices.Index(e.PubKeys[:], n.PubKey); i >= 0 {
				item.Below = append(item.Below, tree.Item{Text: m.edge(e, i)})
			}
		}
		root.Below = append(root.Below, item)
	}
	return root
}

// edge is a channel as the end with this index has it.
func (m Map) edge(e MapEdge, end int) string {
	parts := []string{"with " + e.Ends[1-end], e.ShortID.String(), fmt.Sprintf("%d satoshis", e.Capacity), fee(e.Policies[end])}
	return strings.Join(append(parts, m.unknown(e.KnownBy)...), "  ")
}

func fee(p *MapPolicy) string {
	switch {
	case p == nil:
		return "fee unknown"
	case p.Disabled:
		return "disabled"
	}
	return fmt.Sprintf("fee %s + %d ppm", Msat(p.FeeBaseMsat), p.FeePerMil)
}

// unknown names the asked nodes that do not know something.
func (m Map) unknown(knownBy []int) []string {
	lacking := slices.DeleteFunc(slices.Clone(m.Asked), func(n int) bool { return slices.Contains(knownBy, n) })
	if len(lacking) == 0 {
		return nil
	}
	return []string{"not known by " + noderef.Ranges(lacking)}
}

// DOT is the graph in the language of Graphviz.
func (m Map) DOT(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph %s {\n", quote(name))
	for _, n := range m.Nodes {
		fmt.Fprintf(&b, "  %s [label=%s];\n", quote(n.PubKey), quote(cmp.Or(n.Alias, n.name)))
	}
	for _, e := range m.Edges {
		fmt.Fprintf(&b, "  %s -- %s [label=%s];\n", quote(e.PubKeys[0]), quote(e.PubKeys[1]), quote(fmt.Sprintf("%s\n%d", e.ShortID, e.Capacity)))
	}
	b.WriteString("}")
	return b.String()
}

// quote is a string of DOT, whatever a foreign node has as its alias.
func quote(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`)
	return `"` + strings.ReplaceAll(text, "\n", `\n`) + `"`
}
