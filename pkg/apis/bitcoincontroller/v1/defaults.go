package v1

import "time"

// Ports of every node, in its pod and in the Services of its network.
const (
	RPCPort = 18332
	P2PPort = 18444
)

// Ports of the ZMQ publishers of every node of a network with spec.zmq, one for each topic: subscribers such as LND do not accept
// one port for two topics.
const (
	ZMQRawBlockPort  = 28332
	ZMQRawTxPort     = 28333
	ZMQHashBlockPort = 28334
	ZMQHashTxPort    = 28335
	ZMQSequencePort  = 28336
)

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
)
