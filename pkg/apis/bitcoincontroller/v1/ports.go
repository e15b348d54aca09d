package v1

// Ports of every node, in its pod and in the Services of its network. In a pod with several nodes they are those of the first one.
const (
	RPCPort = 18332
	P2PPort = 18444
)

// Ports of the ZMQ publishers of every node of a network with spec.zmq, one for each topic: subscribers such as LND do not accept
// one port for two topics. In a pod with several nodes they are those of the first one.
const (
	ZMQRawBlockPort  = 28332
	ZMQRawTxPort     = 28333
	ZMQHashBlockPort = 28334
	ZMQHashTxPort    = 28335
	ZMQSequencePort  = 28336
)

// Ports of every node of a LightningNetwork, in its pod and, but for the agent's, in its Services.
const (
	LightningP2PPort  = 9735
	LightningGRPCPort = 10009
	LightningRESTPort = 8080
	// LightningAgentPort is where the operator reaches the agent beside LND.
	LightningAgentPort = 18331
)

// MaxNodesPerPod is the maximum of spec.nodesPerPod.
const MaxNodesPerPod = 250

// slotStep separates the ports of neighbours in a pod. Ports of different kinds end with different digits, so that no two nodes of a
// pod have the same port, and all of them are below those that the kernel gives to outgoing connections.
const slotStep = 10

// PortInSlot returns the port of the node with this number in its pod, of which port is that of the first node, such as RPCPort.
func PortInSlot(port, slot int32) int32 { return port + slotStep*slot }

// NodesInPod is nodesPerPod with its default, for specifications that no API server has completed.
func (s *BitcoinNetworkSpec) NodesInPod() int { return max(1, int(s.NodesPerPod)) }

// SlotOfPort is the inverse of PortInSlot: the number of a node in its pod, or -1 for a port that no node has.
func SlotOfPort(port, inSlot int32) int32 {
	if distance := inSlot - port; distance >= 0 && distance%slotStep == 0 && distance/slotStep < MaxNodesPerPod {
		return distance / slotStep
	}
	return -1
}
