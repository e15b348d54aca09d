package topology

// maxListed is bitcoind's MAX_ADDNODE_CONNECTIONS, the maximum number of connections that
// it keeps to entries of its addnode list. More entries are possible, but an unreachable one
// among the first eight would then delay the later ones.
const maxListed = 8

// list contains the nodes on the addnode list of one node.
type list struct {
	to [maxListed]int
	n  int
}

func (l *list) nodes() []int { return l.to[:l.n] }

func (l *list) full() bool { return l.n == maxListed }

func (l *list) add(node int) {
	l.to[l.n] = node
	l.n++
}

func (l *list) slot(node int) int {
	for slot, listed := range l.nodes() {
		if listed == node {
			return slot
		}
	}
	return -1
}

func (l *list) has(node int) bool { return l.slot(node) >= 0 }

// chooseLists computes the addnode lists of all nodes. It depends on the desired edges
// only: a node that is down changes no list.
//
// A node with up to eight neighbours lists them all. A node with more neighbours lists
// eight. Each edge should be on the list of at least one of its nodes, so that bitcoind
// restores the connection while the operator is not running. A node lists the next eight
// neighbours in cyclic order. In a mesh of up to 17 nodes this covers every edge, every node
// is on as many lists as it has entries (a restarted node has lost its own list and depends
// on those of the others), and a new node changes one entry on eight lists. In less regular
// shapes, coverage then moves entries until no further edge can be covered.
func (v *view) chooseLists() []list {
	lists := make([]list, len(v.nodes))
	for i := range lists {
		v.listNext(&lists[i], i)
	}
	(&coverage{view: v, lists: lists}).improve()
	for i := range lists {
		for _, j := range lists[i].nodes() {
			v.mark(i, j, listed)
		}
	}
	return lists
}

// listNext fills a list with the next neighbours in cyclic order.
func (v *view) listNext(l *list, i int) {
	from, to := v.row(i)
	k := from
	for k < to && v.node(i, k) <= i {
		k++
	}
	for left := v.degree[i]; left > 0 && !l.full(); k++ {
		if k == to {
			k = from
		}
		if v.facts[k]&wanted != 0 {
			l.add(v.node(i, k))
			left--
		}
	}
}

// big reports whether a node has more neighbours than it can list. Other nodes list all
// their edges, so that only edges between big nodes can be uncovered.
func (v *view) big(i int) bool { return v.degree[i] > maxListed }

// coverage moves entries of big nodes so that more edges are on the list of at least one
// of their ends. It is the search for augmenting paths of a bipartite matching, edges on
// one side and the places of lists on the other, and ends with the largest number possible.
type coverage struct {
	*view
	lists []list
	// exhausted are nodes from which no path leads to a free place, now and later.
	exhausted []bool
	// from is the path that is being searched: the node that each one was reached from. queue are those nodes.
	from, queue []int
}

const unvisited, start = -2, -1

func (c *coverage) improve() {
	if !c.anyPlace() {
		return
	}
	n := len(c.nodes)
	c.exhausted = make([]bool, n)
	c.from = make([]int, n)
	for i := range n {
		c.from[i] = unvisited
	}
	for i := range n {
		if !c.big(i) {
			continue
		}
		first, end := c.row(i)
		for k := first; k < end; k++ {
			j := c.node(i, k)
			if i < j && c.facts[k]&wanted != 0 && c.big(j) && !c.lists[i].has(j) && !c.lists[j].has(i) {
				c.coverEdge(i, j)
			}
		}
	}
}

func (c *coverage) anyPlace() bool {
	for i := range c.nodes {
		if c.big(i) && c.place(i) >= 0 {
			return true
		}
	}
	return false
}

// place returns the slot on the list of a big node that can be given to another edge
// without loss, because its node lists i in turn. It returns -1 if there is none.
func (c *coverage) place(i int) int {
	for slot, j := range c.lists[i].nodes() {
		if c.lists[j].has(i) {
			return slot
		}
	}
	return -1
}

// coverEdge finds a list with a place to spare that can be reached from one end of the
// edge, and hands the edges on the way over, each from the list of one of its ends to
// that of the other.
func (c *coverage) coverEdge(i, j int) {
	queue := c.queue[:0]
	visit := func(node, from int) {
		if c.from[node] == unvisited && !c.exhausted[node] {
			c.from[node] = from
			queue = append(queue, node)
		}
	}
	visit(i, start)
	visit(j, start)
	found := false
	for next := 0; next < len(queue) && !found; next++ {
		node := queue[next]
		if slot := c.place(node); slot >= 0 {
			c.handOver(node, slot, i, j)
			found = true
			break
		}
		for _, neighbour := range c.lists[node].nodes() {
			visit(neighbour, node)
		}
	}
	for _, node := range queue {
		c.from[node] = unvisited
		c.exhausted[node] = !found
	}
	c.queue = queue
}

func (c *coverage) handOver(node, slot, i, j int) {
	for c.from[node] != start {
		giver := c.from[node]
		c.lists[node].to[slot] = giver
		node, slot = giver, c.lists[giver].slot(node)
	}
	c.lists[node].to[slot] = i + j - node
}
