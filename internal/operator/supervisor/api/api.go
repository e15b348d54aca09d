// Package api is what the operator and the program cmd/supervisor, which runs the nodes of a pod with several, agree on: the HTTP
// interface of the program, with a client for it. It imports the standard library and what needs no more, because every such pod starts
// the program.
package api

import "time"

const (
	// Program is the name of the program, in the operator's image and where a pod runs it.
	Program = "supervisor"
	// Port of the program in its pod. No node has it.
	Port = 18330
	// ReadyPath answers 200, without a credential, when every node of the pod has answered once since the container began.
	ReadyPath = "/readyz"
	// NodesPath is for the operator's credential of the network: GET returns a list of Node, POST takes a Target.
	NodesPath = "/nodes"
)

const (
	// MaxTargetBytes limits the body of a POST.
	MaxTargetBytes = 4096
	// MaxOutputBytes limits Exit.Output. MaxNodes fit into a response.
	MaxOutputBytes = 2048
	// MaxNodes limits the slots of a pod.
	MaxNodes = 250
)

// Node is the process of one node.
type Node struct {
	// Slot is the number of the node in its pod, from 0.
	Slot int `json:"slot"`
	// Started counts the starts of its process since the container began. With the ID of the container it identifies the process.
	Started int `json:"started"`
	// Running is false between two starts.
	Running bool `json:"running"`
	// Since is when the process started or, without one, ended.
	Since time.Time `json:"since"`
	// Exits counts the ends of its process that nobody requested.
	Exits int `json:"exits"`
	// LastExit is the latest of them; nil for none.
	LastExit *Exit `json:"lastExit,omitempty"`
}

// Exit is the end of a process.
type Exit struct {
	// Code is the exit code, 128 and the number of the signal for a process that a signal ended.
	Code int `json:"code"`
	// Signal is its number; 0 for none.
	Signal int       `json:"signal,omitempty"`
	At     time.Time `json:"at"`
	// Output is the line of its output that reports the cause, of at most MaxOutputBytes.
	Output string `json:"output,omitempty"`
}

// Target is how many nodes a group is to have. A pod runs its share of them.
type Target struct {
	// Nodes of the group, not of the pod.
	Nodes int `json:"nodes"`
	// Revision is the generation of the network. A lower one than the pod has is rejected with ErrOutdated.
	Revision int64 `json:"revision"`
	// Forget deletes the data directories of the pod's nodes among those of the group from Nodes to Before, once their processes have ended,
	// also if the container ends before. Without it they stay. The operator sets it when it has proved that other nodes have their blocks.
	Forget bool `json:"forget,omitempty"`
	// Before is the number of nodes that the group had. The data of nodes that were removed earlier stays: nothing is proved about it.
	Before int `json:"before,omitempty"`
}
