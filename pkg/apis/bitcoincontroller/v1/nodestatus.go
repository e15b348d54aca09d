package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HeightFall is a fall of a network's height.
type HeightFall struct {
	// From is the height before.
	From int64 `json:"from"`
	// To is the height after.
	To int64 `json:"to"`
	// Time is when the operator saw it.
	Time metav1.Time `json:"time"`
}

// ForeignPeer is a program outside the network that is connected with its nodes. Programs with the same address and version count
// as one.
type ForeignPeer struct {
	// Address is the IP address of the peer, or the address that the nodes dialled, as they report it. It is not that of the program
	// if the connection passes through a NodePort, a load balancer or a port-forward.
	Address string `json:"address"`
	// Version is the user agent that the peer reports (subver).
	// +optional
	Version string `json:"version,omitempty"`
	// Nodes are the ordinals of the nodes that are connected with it.
	// +optional
	// +listType=atomic
	Nodes []int32 `json:"nodes,omitempty"`
}

// NodeStatus is the observed state of one node.
type NodeStatus struct {
	// Ordinal is the number of the node in the network, from 0.
	Ordinal int32 `json:"ordinal"`
	// Ready is true when the pod is ready and bitcoind answers, or has answered and only has no free RPC thread now. The fields below
	// are from its last answer.
	Ready bool `json:"ready"`
	// IP is the address of the pod.
	// +optional
	IP string `json:"ip,omitempty"`
	// PodName is the name of the pod.
	// +optional
	PodName string `json:"podName,omitempty"`
	// Slot is the number of the node in its pod, from 0, for a network with nodesPerPod. bitcoin-cli reaches the node in the pod with
	// -conf=/nodes/<slot>/bitcoin.conf.
	// +optional
	Slot int32 `json:"slot,omitempty"`
	// RPCPort is the RPC port of the node at the address of its pod, if it is not 18332.
	// +optional
	RPCPort int32 `json:"rpcPort,omitempty"`
	// P2PPort is the P2P port of the node at the address of its pod, if it is not 18444.
	// +optional
	P2PPort int32 `json:"p2pPort,omitempty"`
	// NodeName is the earlier name of podName and has the same value: the name of the pod, not that of a cluster node.
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// DNSName is <pod>.<service>, which resolves within the namespace.
	// +optional
	DNSName string `json:"dnsName,omitempty"`
	// Group is the name of the node's group; empty for the main group.
	// +optional
	Group string `json:"group,omitempty"`
	// Blocks is the height of the node's best block.
	// +optional
	Blocks int64 `json:"blocks"`
	// BestBlockHash is the hash of the node's best block.
	// +optional
	BestBlockHash string `json:"bestBlockHash,omitempty"`
	// Peers is the number of distinct peers that the node is connected with, whether or not they are nodes of the network.
	// +optional
	Peers int32 `json:"peers"`
	// ForeignPeers is the number of those peers that are no nodes of the network.
	// +optional
	ForeignPeers int32 `json:"foreignPeers,omitempty"`
	// ConnectedWith are the ordinals of the nodes that the node is connected with, as both ends report it, such as 0-3,7.
	// +optional
	ConnectedWith Ordinals `json:"connectedWith,omitempty"`
	// Version is the user agent that the node reports (subversion), such as /Satoshi:29.0.0/.
	// +optional
	Version string `json:"version,omitempty"`
}
