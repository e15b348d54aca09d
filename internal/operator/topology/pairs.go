package topology

// relation is a set of facts about node j from the view of node i.
type relation uint8

const (
	// wanted: the edge between them is desired.
	wanted relation = 1 << iota
	// listed: j belongs on the addnode list of i.
	listed
	// reported: i reports a connection with j.
	reported
	// dialled: i opened one of these connections.
	dialled
	// handshaked: j has sent its version message on one of these connections.
	handshaked
	// toDial: i is to dial j now.
	toDial
	// unlisting: i is to remove j from its list now.
	unlisting
	// suspected: i reports a connection that may be one with j.
	suspected
)

// pair are two nodes, a < b, by index.
type pair struct {
	a, b   int32
	wanted bool
}

// pairs are the relations of all nodes that have any with each other. The memory and the time that they take grow with the number of
// nodes and edges, and not with its square. Where most pairs have relations, they have all pairs, which is faster.
type pairs struct {
	n    int
	full bool
	// The places from first[i] to first[i+1] are the row of node i: the nodes that it has relations with, sorted. With all pairs each row
	// has n places, and first, other and back are empty.
	first []int32
	other []int32
	// back is the place in the row of the other node.
	back  []int32
	facts []relation
	// degree is the number of wanted edges of each node.
	degree []int
}

// fullBytes bounds the size of all pairs, which have one byte each, by the number of nodes and edges.
const fullBytes = 16

// newFullPairs returns all pairs of n nodes, or none when edges are few.
func newFullPairs(n, edges int) *pairs {
	if n*n > fullBytes*(n+edges) {
		return &pairs{}
	}
	return &pairs{n: n, full: true, facts: make([]relation, n*n), degree: make([]int, n)}
}

// newPairs returns these pairs of n nodes. It may change the order of the list.
func newPairs(n int, list []pair) *pairs {
	list = sortPairs(n, list)
	p := &pairs{n: n, first: make([]int32, n+1), degree: make([]int, n)}
	for _, e := range list {
		p.first[e.a+1]++
		p.first[e.b+1]++
	}
	next := make([]int32, n)
	for i := range n {
		next[i] = p.first[i]
		p.first[i+1] += p.first[i]
	}
	p.other, p.back, p.facts = make([]int32, 2*len(list)), make([]int32, 2*len(list)), make([]relation, 2*len(list))
	// In this order of the list each row gets first the lower and then the higher nodes, and is sorted.
	for _, e := range list {
		here, there := next[e.a], next[e.b]
		next[e.a]++
		next[e.b]++
		p.other[here], p.other[there] = e.b, e.a
		p.back[here], p.back[there] = there, here
		if e.wanted {
			p.want(int(e.a), int(here))
		}
	}
	return p
}

// want marks a desired edge.
func (p *pairs) want(i, k int) {
	if p.facts[k]&wanted != 0 {
		return
	}
	p.facts[k] |= wanted
	p.facts[p.reverse(i, k)] |= wanted
	p.degree[i]++
	p.degree[p.node(i, k)]++
}

// sortPairs sorts pairs by a and then by b, and joins equal ones. As the edges of the topology are sorted, there is often nothing to do.
func sortPairs(n int, list []pair) []pair {
	sorted := true
	for k := 1; k < len(list) && sorted; k++ {
		x, y := list[k-1], list[k]
		sorted = x.a < y.a || x.a == y.a && x.b < y.b
	}
	if sorted {
		return list
	}
	list = bucket(n, list, func(e pair) int32 { return e.b })
	list = bucket(n, list, func(e pair) int32 { return e.a })
	kept := list[:1]
	for _, e := range list[1:] {
		if last := &kept[len(kept)-1]; last.a == e.a && last.b == e.b {
			last.wanted = last.wanted || e.wanted
		} else {
			kept = append(kept, e)
		}
	}
	return kept
}

// bucket sorts pairs by a key below n, and keeps the order of those with the same one.
func bucket(n int, list []pair, key func(pair) int32) []pair {
	next := make([]int, n+1)
	for _, e := range list {
		next[key(e)+1]++
	}
	for k := range n {
		next[k+1] += next[k]
	}
	sorted := make([]pair, len(list))
	for _, e := range list {
		sorted[next[key(e)]] = e
		next[key(e)]++
	}
	return sorted
}

// row returns the first place of a node and the one after its last.
func (p *pairs) row(i int) (from, to int) {
	if p.full {
		return i * p.n, (i + 1) * p.n
	}
	return int(p.first[i]), int(p.first[i+1])
}

// node is the other node at a place in the row of i.
func (p *pairs) node(i, k int) int {
	if p.full {
		return k - i*p.n
	}
	return int(p.other[k])
}

// reverse is the place of i in the row of the other node.
func (p *pairs) reverse(i, k int) int {
	if p.full {
		return (k-i*p.n)*p.n + i
	}
	return int(p.back[k])
}

// place returns the place of j in the row of i, or -1.
func (p *pairs) place(i, j int) int {
	if p.full {
		return i*p.n + j
	}
	from, to := p.row(i)
	for from < to {
		switch middle := (from + to) / 2; {
		case int(p.other[middle]) == j:
			return middle
		case int(p.other[middle]) < j:
			from = middle + 1
		default:
			to = middle
		}
	}
	return -1
}

func (p *pairs) is(i, j int, what relation) bool {
	k := p.place(i, j)
	return k >= 0 && p.facts[k]&what != 0
}

// mark adds a fact. Nodes without relations have none to keep.
func (p *pairs) mark(i, j int, what relation) {
	if k := p.place(i, j); k >= 0 {
		p.facts[k] |= what
	}
}

// connected reports whether an edge exists: both nodes report it, whichever of them dialled, and have exchanged version messages. A
// connection that only one side reports may be closed on the other side, or about to be rejected by it. k is a place in the row of i.
func (p *pairs) connected(i, k int) bool {
	return p.facts[k]&handshaked != 0 && p.facts[p.reverse(i, k)]&handshaked != 0
}
