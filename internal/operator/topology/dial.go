package topology

// chooseDials marks for every missing edge which of its nodes is to dial the other.
// An edge that both report is left alone even when the version messages are still on
// their way. It returns the number of dials.
func (v *view) chooseDials() int {
	dials := 0
	load := make([]int, len(v.nodes))
	for i := range v.nodes {
		if !v.live[i] || v.degree[i] == 0 {
			continue
		}
		row := v.row(i)
		for j := i + 1; j < len(v.nodes); j++ {
			if row[j]&wanted == 0 || !v.live[j] {
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

// dialUnseen returns who dials when only seeing reports the connection. The other one
// does: bitcoind would refuse to dial an address that it has a connection to, alive or
// not. The exception is a node that has dialled somebody by name. It may be this very
// connection, which is not recognised by the name and would be refused in the same way;
// then the side that was dialled dials back.
func (v *view) dialUnseen(unseeing, seeing int) int {
	if v.named[unseeing] && !v.is(seeing, unseeing, dialled) {
		return seeing
	}
	return unseeing
}

// dialAnew returns who dials when there is no connection: the node that has the other one
// on its list, because bitcoind then takes that entry as connected, while it would make a
// second connection from the other side. If that leaves the choice, the node with fewer
// dials so far, as a node makes its dials one after the other.
func (v *view) dialAnew(i, j int, load []int) int {
	here, there := v.is(i, j, listed), v.is(j, i, listed)
	switch {
	case here && !there:
		return i
	case there && !here:
		return j
	case load[j] < load[i]:
		return j
	}
	return i
}
