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
		row := v.row(i)
		for j := i + 1; j < len(v.nodes); j++ {
			if row[j]&wanted == 0 || !v.live[j] || !v.callable[i] && !v.callable[j] {
				continue
			}
			here, there := row[j]&reported != 0, v.is(j, i, reported)
			if here && there {
				continue
			}
			var from int
			switch {
			case here:
				from = v.dialUnseen(j, i)
			case there:
				from = v.dialUnseen(i, j)
			default:
				from = v.dialAnew(i, j, load)
			}
			load[from]++
			dials++
			v.row(from)[i+j-from] |= toDial
		}
	}
	return dials
}

// dialUnseen returns the node that dials when only seeing reports the connection. It is the
// other node, because bitcoind does not dial an address that it has a connection to, alive
// or not. The exception is a node that has dialled a name. This may be the same connection,
// which cannot be recognised by the name and which bitcoind would not dial again either; then
// the node that was dialled dials back.
func (v *view) dialUnseen(unseeing, seeing int) int {
	if v.named[unseeing] && !v.is(seeing, unseeing, dialled) {
		return seeing
	}
	return unseeing
}

// dialAnew returns the node that dials when no connection exists: the node that has the
// other one on its list, because bitcoind then counts that entry as connected. A dial from
// the other side would lead to a second connection. If both or none list the other, the node
// with fewer dials so far is chosen, because the dials of one node are sequential.
func (v *view) dialAnew(i, j int, load []int) int {
	here, there := v.is(i, j, listed), v.is(j, i, listed)
	switch {
	case !v.callable[j]:
		return i
	case !v.callable[i]:
		return j
	case here && !there:
		return i
	case there && !here:
		return j
	case load[j] < load[i]:
		return j
	}
	return i
}
