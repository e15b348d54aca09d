package importer

import (
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The limits of the definitions of the resources.
const (
	maxNodes    = 500
	maxEdges    = 5000
	maxLND      = 64
	maxChannels = 500
	minCapacity = 20_000
	maxCapacity = 1_000_000_000
)

func (n *network) build(name string) (*Result, error) {
	switch {
	case len(n.bitcoin) == 0:
		return nil, invalid.Errorf("%s has no node with bitcoind: a BitcoinNetwork needs one", n.origin)
	case len(n.bitcoin) > maxNodes:
		return nil, invalid.Errorf("%s has %d nodes, and a BitcoinNetwork may have %d: remove some", n.origin, len(n.bitcoin), maxNodes)
	case len(n.lightning) > maxLND:
		return nil, invalid.Errorf("%s has %d LND nodes, and a LightningNetwork may have %d: remove some", n.origin, len(n.lightning), maxLND)
	}
	name, renamed, err := n.rename(name)
	if err != nil {
		return nil, err
	}
	n.arrange()
	bitcoin, err := n.bitcoinNetwork(name)
	if err != nil {
		return nil, err
	}
	lightning, err := n.lightningNetwork(name)
	if err != nil {
		return nil, err
	}
	n.compareVersions("bitcoind", n.bitcoin)
	n.compareVersions("LND", n.lightning)
	return &Result{
		Bitcoin: bitcoin, Lightning: lightning, Renamed: renamed, Parts: len(n.losses.kinds), NotImported: n.losses.lines(),
		origin: n.origin, bitcoin: n.bitcoin, lightning: n.lightning, losses: n.losses, size: n.size,
	}, nil
}

// ordinals are those of nodes by their names, which differ.
func ordinals(nodes []node) (map[string]int32, error) {
	at := map[string]int32{}
	for i, node := range nodes {
		if _, twice := at[node.name]; twice || node.name == "" {
			return nil, invalid.Errorf("the node %s has no name of its own: the names of the nodes must differ", quote(node.name))
		}
		at[node.name] = int32(i) //nolint:gosec // at most 500
	}
	return at, nil
}

// arrange orders the nodes of bitcoind so that each LND gets the one that it had. The operator gives LND node i the node i modulo their number.
// Where several LND nodes share a bitcoind in another way, the order stays.
func (n *network) arrange() {
	taken := map[string]bool{}
	inTurn := true
	for i, lnd := range n.lightning {
		inTurn = inTurn && len(n.bitcoin) > 0 && n.bitcoin[i%len(n.bitcoin)].name == lnd.backend
		taken[lnd.backend] = true
	}
	at, err := ordinals(n.bitcoin)
	if inTurn || err != nil || len(taken) < len(n.lightning) {
		return
	}
	ordered := make([]node, 0, len(n.bitcoin))
	for _, lnd := range n.lightning {
		i, known := at[lnd.backend]
		if !known {
			return
		}
		ordered = append(ordered, n.bitcoin[i])
	}
	for _, node := range n.bitcoin {
		if !taken[node.name] {
			ordered = append(ordered, node)
		}
	}
	n.bitcoin = ordered
}

func (n *network) bitcoinNetwork(name string) (*v1.BitcoinNetwork, error) {
	at, err := ordinals(n.bitcoin)
	if err != nil {
		return nil, err
	}
	network := &v1.BitcoinNetwork{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "BitcoinNetwork"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1.BitcoinNetworkSpec{Nodes: int32(len(n.bitcoin)), Config: n.config, ZMQ: &v1.ZMQ{}}, //nolint:gosec // at most 500
	}
	if len(n.bitcoin) > 1 {
		network.Spec.Topology = &v1.Topology{Type: v1.TopologyCustom}
	}
	known := map[v1.Edge]bool{}
	for i, node := range n.bitcoin {
		shown := quote(node.name)
		for _, peer := range node.peers {
			to, exists := at[peer]
			from := int32(i) //nolint:gosec // at most 500
			edge := v1.Edge{From: min(from, to), To: max(from, to)}
			switch {
			case !exists:
				n.losses.add("connections with nodes that are not imported", loss{shown, quote(peer)})
			case from == to || known[edge]:
			case len(known) == maxEdges:
				return nil, invalid.Errorf("%s has more than %d connections, which a BitcoinNetwork may have: remove some", n.origin, maxEdges)
			default:
				known[edge] = true
				network.Spec.Topology.Edges = append(network.Spec.Topology.Edges, edge)
			}
		}
	}
	if n.mining > 0 {
		network.Spec.Mining = &v1.Mining{Interval: &metav1.Duration{Duration: n.mining}}
		if miner, exists := at[n.miner]; exists {
			network.Spec.Mining.Node = &miner
		}
	}
	return network, nil
}

func (n *network) lightningNetwork(name string) (*v1.LightningNetwork, error) {
	at, err := ordinals(n.lightning)
	if err != nil {
		return nil, err
	}
	network := &v1.LightningNetwork{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "LightningNetwork"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1.LightningNetworkSpec{BitcoinNetwork: name, Nodes: int32(len(n.lightning))}, //nolint:gosec // at most 64
	}
	for i, lnd := range n.lightning {
		if now := n.bitcoin[i%len(n.bitcoin)].name; now != lnd.backend {
			n.losses.add("the bitcoind of an LND, which uses another one now", loss{of: quote(lnd.name) + " used " + quote(lnd.backend) + ", and uses " + quote(now)})
		}
	}
	for _, c := range n.channels {
		imported, kept, err := n.channel(c, at)
		if err != nil {
			return nil, err
		}
		if kept {
			network.Spec.Channels = append(network.Spec.Channels, imported)
		}
	}
	if count := len(network.Spec.Channels); count > maxChannels {
		return nil, invalid.Errorf("%s has %d channels, and a LightningNetwork may have %d: remove some", n.origin, count, maxChannels)
	}
	if len(n.lightning) == 0 {
		return nil, nil
	}
	return network, nil
}

func (n *network) channel(c channel, at map[string]int32) (v1.LightningChannel, bool, error) {
	none := v1.LightningChannel{}
	pair := loss{quote(c.from), quote(c.to)}
	from, isFrom := at[c.from]
	to, isTo := at[c.to]
	if !isFrom || !isTo {
		n.losses.add("channels with nodes that are not imported", pair)
		return none, false, nil
	}
	capacity, okCapacity := satoshis(c.capacity)
	push, okPush := satoshis(c.push)
	switch {
	case !okCapacity:
		return none, false, invalid.Errorf("the channel from %s has the capacity %s, which is no number of satoshis: write a whole number",
			pair, quote(c.capacity))
	case !okPush:
		return none, false, invalid.Errorf("the channel from %s gives its other end %s, which is no number of satoshis: write a whole number",
			pair, quote(c.push))
	case from == to:
		n.losses.add("channels of a node with itself", pair)
	case capacity < minCapacity || capacity > maxCapacity:
		n.losses.add("channels of less than "+strconv.Itoa(minCapacity)+" or more than "+strconv.Itoa(maxCapacity)+" satoshis",
			loss{pair.of, pair.to + " with " + strconv.FormatInt(capacity, 10)})
	case push >= capacity:
		return none, false, invalid.Errorf("the channel from %s gives its other end %d of its %d satoshis: it must be less than all", pair, push, capacity)
	default:
		return v1.LightningChannel{From: from, To: to, Capacity: capacity, Push: push, Private: c.private}, true, nil
	}
	return none, false, nil
}

// satoshis reads a whole number, exactly. An empty text is not one.
func satoshis(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	value, err := strconv.ParseInt(text, 10, 64)
	return value, err == nil && value <= int64(amount.Max)
}

// compareVersions reports versions that differ: all nodes of a network run one image.
func (n *network) compareVersions(program string, nodes []node) {
	if !slices.ContainsFunc(nodes, func(other node) bool { return other.runs != nodes[0].runs }) {
		return
	}
	for _, node := range nodes {
		runs := node.runs
		if runs == "" {
			runs = "the default"
		}
		n.losses.add("different versions of "+program+", of which all nodes get the same one", loss{of: runs})
	}
}
