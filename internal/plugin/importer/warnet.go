package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// suffix is that of the LND of a node, by which channels name it.
const suffix = "-ln"

const defaultsFile = "node-defaults.yaml"

// everywhere stands for the nodes in a line of what is not imported.
const everywhere = "all nodes (" + defaultsFile + ")"

// tank is a node of Warnet: a bitcoind, with an LND or a Core Lightning beside it. A node has what is its own, over the defaults.
type tank struct {
	name        string
	own, values *yaml.Node
	lnd, cln    bool
}

func (s Source) warnet() (*network, error) {
	file, err := document(s.File, s.Data)
	if err != nil {
		return nil, err
	}
	defaults, err := document(defaultsFile, s.Defaults)
	if err != nil {
		return nil, err
	}
	if err := shaped(defaultsFile, defaults); err != nil {
		return nil, err
	}
	nodes := list(child(file, "nodes"))
	if len(nodes) == 0 {
		return nil, invalid.Errorf("%s has no list of nodes: name an export of Polar, or the network.yaml of Warnet", s.File)
	}
	if len(nodes) > maxNodes {
		return nil, invalid.Errorf("%s has %d nodes, and a BitcoinNetwork may have %d: remove some", s.File, len(nodes), maxNodes)
	}
	if err := is(s.File, "warnet", child(file, "warnet"), yaml.ScalarNode); err != nil {
		return nil, err
	}
	n := &network{name: s.Folder}
	if label := text(child(file, "warnet")); label != "" {
		n.name = label
	}
	n.origin = "the network " + quote(n.name) + " of Warnet"
	tanks, err := s.tanks(nodes, defaults)
	if err != nil {
		return nil, err
	}
	hasLND := slices.ContainsFunc(tanks, func(t tank) bool { return t.lnd })
	n.rest(file, "", loss{of: "the network"}, "nodes", "warnet")
	n.restOfTank(defaults, everywhere, hasLND)
	lightning := map[string]bool{}
	for _, t := range tanks {
		n.tank(t)
		if t.lnd || t.cln {
			lightning[t.name+suffix] = true
		}
	}
	for _, t := range tanks {
		if err := n.warnetChannels(s.File, t, lightning); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// tanks are the nodes over the defaults.
func (s Source) tanks(nodes []*yaml.Node, defaults *yaml.Node) ([]tank, error) {
	tanks := make([]tank, 0, len(nodes))
	for _, own := range nodes {
		t := tank{name: text(child(own, "name")), own: own, values: merged(defaults, own)}
		if t.name == "" {
			return nil, invalid.Errorf("%s has a node without a name in line %d: write its name", s.File, own.Line)
		}
		if err := shaped(s.File, own); err != nil {
			return nil, err
		}
		t.lnd, t.cln = isTrue(child(t.values, "ln", "lnd")), isTrue(child(t.values, "ln", "cln"))
		tanks = append(tanks, t)
	}
	return tanks, nil
}

func (n *network) tank(t tank) {
	n.restOfTank(t.own, quote(t.name), t.lnd)
	for _, chain := range []*yaml.Node{child(t.values, "global", "chain"), child(t.values, "chain")} {
		if name := text(chain); name != "" && name != "regtest" {
			n.losses.add("the chain "+quote(name)+", in place of which the nodes run regtest", loss{of: quote(t.name)})
		}
	}
	var peers []string
	for _, peer := range list(child(t.values, "addnode")) {
		peers = append(peers, text(peer))
	}
	n.bitcoin = append(n.bitcoin, node{name: t.name, runs: n.image(t.name, child(t.values, "image"), "bitcoindevproject/bitcoin"), peers: peers})
	if t.cln {
		n.losses.add("nodes that run Core Lightning", loss{of: quote(t.name + suffix)})
	}
	if t.lnd {
		name := t.name + suffix
		runs := n.image(name, child(t.values, "lnd", "image"), "lightninglabs/lnd")
		n.lightning = append(n.lightning, node{name: name, runs: runs, backend: t.name})
	}
}

// image is a reference, as far as the file has one; the rest is in the charts of Warnet, with their usual repository.
func (n *network) image(name string, image *yaml.Node, usual string) string {
	repository, tag := text(child(image, "repository")), text(child(image, "tag"))
	if repository != "" && repository != usual {
		n.losses.add("images of their own", loss{of: quote(name)})
	}
	if tag != "" {
		tag = ":" + tag
	}
	if repository+tag == "" {
		return ""
	}
	return quote(strings.TrimPrefix(repository+tag, ":"))
}

// restOfTank reports the values of a node, or of the defaults, that are not imported.
func (n *network) restOfTank(values *yaml.Node, name string, lnd bool) {
	of := loss{of: name}
	n.rest(values, "", of, "name", "addnode", "image", "ln", "lnd", "cln", "chain", "global")
	n.rest(child(values, "global"), "global.", of, "chain", "rpcpassword")
	if lnd {
		n.rest(child(values, "lnd"), "lnd.", of, "channels", "image")
	}
}

// rest reports the values of a mapping that are not imported and have an effect.
func (n *network) rest(values *yaml.Node, prefix string, of loss, imported ...string) {
	if values == nil || values.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(values.Content); i += 2 {
		key := values.Content[i].Value
		if !slices.Contains(imported, key) && !empty(values.Content[i+1]) {
			n.losses.add("the value of "+quote(prefix+key), of)
		}
	}
}

// warnetChannels are those of one node, whose other ends are nodes with Lightning.
func (n *network) warnetChannels(file string, t tank, lightning map[string]bool) error {
	from := t.name + suffix
	shown := quote(from)
	if t.cln {
		for _, item := range list(child(t.values, "cln", "channels")) {
			n.losses.add("channels with nodes that are not imported", loss{shown, quote(text(child(item, "target")))})
		}
	}
	if !t.lnd {
		return nil // Warnet opens none either
	}
	for _, item := range list(child(t.values, "lnd", "channels")) {
		to := text(child(item, "target"))
		pair := loss{shown, quote(to)}
		if !lightning[to] {
			return invalid.Errorf("%s has a channel from %s in line %d, which is no Lightning node: write the name of a node with -ln",
				file, pair, item.Line)
		}
		push := "0"
		if given := child(item, "push_amt"); given != nil {
			push = number(given)
		}
		for _, field := range []string{"capacity", "push_amt"} {
			if value := child(item, field); octal(value) {
				return invalid.Errorf("%s has the %s %s in line %d, which is octal in YAML 1.1: write it without the 0 in front",
					file, field, quote(value.Value), value.Line)
			}
		}
		if child(item, "id") != nil {
			n.losses.add("short channel ids", pair)
		}
		if child(item, "source_policy") != nil || child(item, "target_policy") != nil {
			n.losses.add("policies of channels", pair)
		}
		n.rest(item, "lnd.channels.", pair, "id", "target", "capacity", "push_amt", "source_policy", "target_policy")
		n.channels = append(n.channels, channel{from: from, to: to, capacity: number(child(item, "capacity")), push: push})
	}
	return nil
}
