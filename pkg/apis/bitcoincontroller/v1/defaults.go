package v1

import "time"

// Defaults of optional fields.
const (
	// DefaultDegree of a Random topology, or all other nodes in a smaller network.
	DefaultDegree = 4
	// DefaultSeed of a Random topology.
	DefaultSeed = 1
	// DefaultMiningInterval is the interval of spec.mining without interval and keepAlive.
	DefaultMiningInterval = 10 * time.Second
	// DefaultZMQHighWaterMark is more than the transactions of a large block, each of which is a message.
	DefaultZMQHighWaterMark = 10_000
	// DefaultCloseTimeout is the time after which a LightningNetwork closes a channel by force.
	DefaultCloseTimeout = 2 * time.Minute
)
