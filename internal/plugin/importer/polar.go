package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// polarFile is an export.json, which has no version, or the networks.json of all networks. Channels are in the chart, which is Polar's picture of
// the network.
type polarFile struct {
	Network *polarNetwork `json:"network"`
	Chart   polarChart    `json:"chart"`

	Networks []polarNetwork        `json:"networks"`
	Charts   map[string]polarChart `json:"charts"`

	// Edges are those of a graph of lncli.
	Edges json.RawMessage `json:"edges"`
}

type polarNetwork struct {
	ID           json.Number `json:"id"`
	Name         string      `json:"name"`
	AutoMineMode json.Number `json:"autoMineMode"` // seconds; 0 is off
	Nodes        struct {
		Bitcoin   []polarNode `json:"bitcoin"`
		Lightning []polarNode `json:"lightning"`
		Tap       []polarNode `json:"tap"` // from version 2 on
	} `json:"nodes"`
	Simulation json.RawMessage `json:"simulation"`
}

type polarNode struct {
	Name           string   `json:"name"`
	Implementation string   `json:"implementation"`
	Version        string   `json:"version"`
	Peers          []string `json:"peers"`
	BackendName    string   `json:"backendName"`
	Docker         struct {
		Image   string `json:"image"`
		Command string `json:"command"`
	} `json:"docker"`
}

type polarChart struct {
	Links map[string]polarLink `json:"links"`
}

type polarLink struct {
	From       polarEnd `json:"from"` // the node that opened the channel
	To         polarEnd `json:"to"`
	Properties struct {
		Type      string          `json:"type"`
		Status    string          `json:"status"`
		Capacity  json.RawMessage `json:"capacity"` // texts; numbers are accepted too
		ToBalance json.RawMessage `json:"toBalance"`
		IsPrivate bool            `json:"isPrivate"`
		Assets    json.RawMessage `json:"assets"`
	} `json:"properties"`
}

type polarEnd struct {
	NodeID string `json:"nodeId"`
}

func (s Source) polar(text []byte) (*network, error) {
	var file polarFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, s.noExport(text, err)
	}
	p, chart, err := s.choose(&file)
	if err != nil {
		return nil, err
	}
	return p.network(chart), nil
}

func (s Source) noExport(text []byte, err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid.Errorf("%s is no export of Polar: %s has a %s", s.File, quote(wrong.Field), wrong.Value)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return invalid.Errorf("%s is no JSON, in line %d of it: %s", s.File, line, syntax.Error())
	}
	return invalid.Errorf("%s is no export of Polar: %s", s.File, strings.TrimPrefix(err.Error(), "json: "))
}

// choose returns the network that is meant.
func (s Source) choose(file *polarFile) (*polarNetwork, polarChart, error) {
	none := polarChart{}
	switch {
	case file.Network != nil && (s.Network == "" || s.Network == file.Network.Name):
		return file.Network, file.Chart, nil
	case file.Network != nil:
		return nil, none, invalid.Errorf("%s has the network %s alone: leave --network out", s.File, quote(file.Network.Name))
	case len(file.Networks) == 0 && file.Edges != nil:
		return nil, none, invalid.Errorf("%s is the graph of an LND node: warnet import-network turns it into a network.yaml, which can be imported",
			s.File)
	case len(file.Networks) == 0:
		return nil, none, invalid.Errorf("%s has no network: name the zip file of Export Network in Polar, the export.json in it, or networks.json",
			s.File)
	}
	var known []loss
	var found []*polarNetwork
	for i := range file.Networks {
		p := &file.Networks[i]
		known = append(known, loss{of: quote(p.Name)})
		if s.Network == "" || s.Network == p.Name {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], file.Charts[found[0].ID.String()], nil
	case len(found) > 1 && s.Network != "":
		return nil, none, invalid.Errorf("%s has %d networks with the name %s: rename one of them in Polar", s.File, len(found), quote(s.Network))
	}
	return nil, none, invalid.Errorf("%s has %d networks: choose one of them with --network: %s", s.File, len(known), enumerate(known))
}

func (p *polarNetwork) network(chart polarChart) *network {
	n := &network{origin: "the network " + quote(p.Name) + " of Polar", name: p.Name, config: v1.Config{"txindex": "1"}} // as in Polar
	for i := range p.Nodes.Bitcoin {
		from := &p.Nodes.Bitcoin[i]
		if n.polarNode(from, "bitcoind") {
			n.bitcoin = append(n.bitcoin, node{name: from.Name, runs: from.runs(), peers: from.Peers})
		}
	}
	for i := range p.Nodes.Lightning {
		from := &p.Nodes.Lightning[i]
		if n.polarNode(from, "LND") {
			n.lightning = append(n.lightning, node{name: from.Name, runs: from.runs(), backend: from.BackendName})
		}
	}
	for i := range p.Nodes.Tap {
		n.polarNode(&p.Nodes.Tap[i], "")
	}
	n.polarMining(p)
	if given(p.Simulation) {
		n.losses.add("simulated payments", loss{of: "those of the network"})
	}
	n.polarChannels(chart.Links)
	return n
}

// polarNode returns whether a node runs the program, and reports what it has besides.
func (n *network) polarNode(from *polarNode, program string) bool {
	if from.Implementation != program {
		n.losses.add("nodes that run "+quote(from.Implementation), loss{of: quote(from.Name)})
		return false
	}
	if from.Docker.Image != "" {
		n.losses.add("images of their own", loss{of: quote(from.Name)})
	}
	if from.Docker.Command != "" {
		n.losses.add("startup commands", loss{of: quote(from.Name)})
	}
	return true
}

func (p *polarNode) runs() string {
	if p.Docker.Image != "" {
		return quote(p.Docker.Image)
	}
	return quote(p.Implementation + " " + p.Version)
}

// polarMining is that of the first bitcoind, as in Polar.
func (n *network) polarMining(p *polarNetwork) {
	const day = 24 * 60 * 60
	seconds, err := p.AutoMineMode.Int64()
	switch {
	case p.AutoMineMode == "" || err == nil && seconds == 0:
	case err != nil || seconds < 1 || seconds > day:
		n.losses.add("the interval of mining", loss{of: quote(p.AutoMineMode.String()) + " seconds"})
	case len(n.bitcoin) > 0:
		n.mining, n.miner = time.Duration(seconds)*time.Second, n.bitcoin[0].name
	}
}

// polarChannels are those of the picture, in the order of their nodes.
func (n *network) polarChannels(links map[string]polarLink) {
	order := map[string]int{}
	for i, lnd := range n.lightning {
		order[lnd.name] = i
	}
	for _, id := range slices.Sorted(maps.Keys(links)) {
		link := links[id]
		pair := loss{quote(link.From.NodeID), quote(link.To.NodeID)}
		switch link.Properties.Type {
		case "open-channel":
		case "pending-channel":
			if link.Properties.Status != "Opening" {
				n.losses.add("channels that are being closed", pair)
				continue
			}
		default:
			continue
		}
		if given(link.Properties.Assets) {
			n.losses.add("assets in channels", pair)
		}
		n.channels = append(n.channels, channel{
			from: link.From.NodeID, to: link.To.NodeID, private: link.Properties.IsPrivate,
			capacity: unquoted(link.Properties.Capacity), push: unquoted(link.Properties.ToBalance),
		})
	}
	slices.SortStableFunc(n.channels, func(a, b channel) int {
		if order[a.from] != order[b.from] {
			return order[a.from] - order[b.from]
		}
		return order[a.to] - order[b.to]
	})
}

// given reports whether a value of JSON is present and not empty.
func given(value json.RawMessage) bool {
	return !slices.Contains([]string{"", "null", "[]", "{}"}, string(value))
}

// unquoted is an amount of JSON, a text or a number, as it is written.
func unquoted(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
