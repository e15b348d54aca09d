// Package scenario is the format of scenarios: a network, steps that do something to it, and what is expected of it. It reads files
// strictly, replaces references to values, and compares. It is pure: package play carries the steps out.
package scenario

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Version is that of the format which this program reads.
const Version = 1

// Scenario is a file.
type Scenario struct {
	// Version is that of the format, 1. Required.
	Version int `json:"version"`
	// Description is a sentence for people, which kubectl btcnet run --list prints.
	Description string `json:"description,omitempty"`
	// Seed of all random choices, which are the same with the same seed. Default: 1. The flag --seed overrides it.
	Seed *int64 `json:"seed,omitempty"`
	// Parameters are values that the flag --set overrides, with their defaults. A field refers to one as ${name}.
	Parameters map[string]Scalar `json:"parameters,omitempty"`
	// Network is the network that the steps use.
	Network Network `json:"network,omitempty"`
	// Steps are carried out one after the other. The scenario ends at the first one that fails. Required.
	Steps []Step `json:"steps"`

	// File is the name for messages.
	File string `json:"-"`
	root *yaml.Node
}

// Network is created for the scenario, and deleted afterwards, or it exists already.
type Network struct {
	// Name of the network that is created. Default: the name of the file with a random suffix.
	Name string `json:"name,omitempty"`
	// Spec is that of a BitcoinNetwork, as in a manifest. References to parameters are allowed. Default: three nodes.
	Spec *v1.BitcoinNetworkSpec `json:"spec,omitempty"`
	// Use is the name of a network that exists already. Its nodes, groups, images, options and partitions are restored at the end.
	Use string `json:"use,omitempty"`
	// Within is how long the network has to become Ready. Default: 5m.
	Within Duration `json:"within,omitempty"`
}

// Step is one action, with what all actions have.
type Step struct {
	// Name describes the step for people. Default: its action.
	Name string `json:"name,omitempty"`
	// As is the name under which later steps refer to the result of this one, such as ${payment.txid} with as: payment. Letters, digits
	// and _.
	As string `json:"as,omitempty"`
	// Within is how long the step may take, or until when an expectation has to be met. Default: 30s for expect, 2m for others.
	Within Duration `json:"within,omitempty"`
	// Repeat is the number of times that the step is carried out; ${turn} counts from 1. Default: 1.
	Repeat *int64 `json:"repeat,omitempty"`
	// MayFail continues when the step fails, and with repeat ends its turns. Not for expect.
	MayFail bool `json:"mayFail,omitempty"`

	Action `json:",inline"`

	// Line is where the step begins in the file.
	Line int `json:"-"`
	node *yaml.Node
}

// Action has exactly one field that is set.
type Action struct {
	// Wait waits for a condition of the network, or for an event of Kubernetes.
	Wait *Wait `json:"wait,omitempty"`
	// Mine mines blocks on a node. The result is the last block: height, hash.
	Mine *Mine `json:"mine,omitempty"`
	// Address is a fresh address of the wallet faucet of a node; the result is its text.
	Address *Address `json:"address,omitempty"`
	// Fund pays coins, and mines the blocks that it needs. The result: txid, amount, mined, and block with height and hash.
	Fund *Fund `json:"fund,omitempty"`
	// Traffic sends transactions between nodes at a rate, in the background unless it has a time. The result: sent, failed, skipped, blocks.
	Traffic *Traffic `json:"traffic,omitempty"`
	// Miners mine at random times, in the background unless they have a time. The result: blocks, and by for each node.
	Miners *Miners `json:"miners,omitempty"`
	// Link carries blocks between two nodes that have no connection, with a delay, in the background. The result: carried.
	Link *Link `json:"link,omitempty"`
	// Stop ends what runs in the background under this name, the as of its step, whose result is complete then.
	Stop string `json:"stop,omitempty"`
	// Partition cuts the network into sides: each entry has the nodes of one, such as "0,1"; the nodes in none are one more side.
	Partition []string `json:"partition,omitempty"`
	// Heal connects all sides and all nodes that are paused. It has no fields.
	Heal *Nothing `json:"heal,omitempty"`
	// Reorg replaces the last blocks on all nodes of a side. The result: depth, forkHeight, from and to with height and hash.
	Reorg *Reorg `json:"reorg,omitempty"`
	// Kill deletes the pod of a node.
	Kill *Kill `json:"kill,omitempty"`
	// Pause takes a node its connections, until resume, heal or the end.
	Pause *OneNode `json:"pause,omitempty"`
	// Resume gives a paused node its connections.
	Resume *OneNode `json:"resume,omitempty"`
	// Scale changes the number of nodes of a group.
	Scale *Scale `json:"scale,omitempty"`
	// Change changes image or configuration of a group, whose nodes are replaced one after the other.
	Change *Change `json:"change,omitempty"`
	// CLI calls bitcoin-cli on a node. The result is what it prints: JSON, or a text.
	CLI *CLI `json:"cli,omitempty"`
	// Command runs a program on this machine, with the addresses of the nodes in its environment. The result is its output.
	Command *Command `json:"command,omitempty"`
	// Container runs a container in the namespace, with the addresses of the nodes in its environment. The result is its output.
	Container *Container `json:"container,omitempty"`
	// Sleep does nothing for a time.
	Sleep Duration `json:"sleep,omitempty"`
	// Expect is what has to hold; the step ends as soon as it does.
	Expect *Expect `json:"expect,omitempty"`
}

// Nothing has no fields.
type Nothing struct{}

// Scalar is a value of a parameter, as it is written.
type Scalar string

// UnmarshalJSON accepts a text, a number or true and false.
func (s *Scalar) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var text string
		err := json.Unmarshal(data, &text)
		*s = Scalar(text)
		return err
	}
	if len(data) > 0 && (data[0] == '{' || data[0] == '[' || data[0] == 'n') {
		return errNoScalar
	}
	*s = Scalar(data)
	return nil
}
