package topology

// chooseDials marks for every missing edge which of its nodes dials the other. An edge
// that both nodes report is not dialled, even if version messages are still missing. It
// returns the number of dials.
func (v *view) chooseDials() int {
	dials := 0
	load := make([]int, len(v.nodes))
	for i := range v.nodes {
		if !v.live[i] || v.degree[i] == 0 {
			continue
		}
		first, end := v.row(i)
		for k := first; k < end; k++ {
			j := v.node(i, k)
			if j < i || v.facts[k]&wanted == 0 || !v.live[j] || !v.callable[i] && !v.callable[j] {
				continue
			}
			from := v.dialler(i, j, k, load)
			if from < 0 {
				continue
			}
			load[from]++
			dials++
			if from == j {
				v.facts[v.reverse(i, k)] |= toDial
			} else {
				v.facts[k] |= toDial
			}
		}
	}
	return dials
}

// dialler returns which of two nodes dials the other one, -1 if both report a connection. k is the place of j in the row of i.
func (v *view) dialler(i, j, k int, load []int) int {
	here, there := v.facts[k], v.facts[v.reverse(i, k)]
	switch {
	case here&there&reported != 0:
		return -1
	case here&reported != 0:
		return v.dialUnseen(j, i, here)
	case there&reported != 0:
		return v.dialUnseen(i, j, there)
	default:
		return v.dialAnew(i, j, here, there, load)
	}
}

// dialUnseen returns the node that dials when only seeing reports the connection. It is the
// other node, because bitcoind does not dial an address that it has a connection to, alive
// or not. The exception is a node that has dialled a name. This may be the same connection,
// which cannot be recognised by the name and which bitcoind would not dial again either; then
// the node that was dialled dials back.
func (v *view) dialUnseen(unseeing, seeing int, seen relation) int {
	if v.named[unseeing] && seen&dialled == 0 {
		return seeing
	}
	return unseeing
}

// dialAnew returns the node that dials when no connection exists: the node that has the
// other one on its list, because bitcoind then counts that entry as connected. A dial from
// the other side would lead to a second connection. If both or none list the other, the node
// with fewer dials so far is chosen, because the dials of one node are sequential.
//
// Otherwise, if one of them has an unknown peer that may be the other one, then that has dialled since it was asked. It dials again,
// because bitcoind does not dial an address twice.
func (v *view) dialAnew(i, j int, here, there relation, load []int) int {
	maybeFromJ, maybeFromI := here&suspected != 0, there&suspected != 0
	switch {
	case !v.callable[j]:
		return i
	case !v.callable[i]:
		return j
	case here&listed != 0 && there&listed == 0:
		return i
	case there&listed != 0 && here&listed == 0:
		return j
	case maybeFromI && !maybeFromJ:
		return i
	case maybeFromJ && !maybeFromI:
		return j
	case load[j] < load[i]:
		return j
	}
	return i
}
