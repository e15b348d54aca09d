package v1

import "time"

// Ports of every node, in its pod and in the Services of its network.
const (
	RPCPort = 18332
	P2PPort = 18444
)

// Defaults of optional fields.
const (
	// DefaultDegree of a Random topology, or all other nodes in a smaller network.
	DefaultDegree = 4
	// DefaultSeed of a Random topology.
	DefaultSeed = 1
	// DefaultMiningInterval is also the default in the CustomResourceDefinition.
	DefaultMiningInterval = 10 * time.Second
)
