package v1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TopologyType is the shape of a network's graph.
//
// +kubebuilder:validation:Enum=Mesh;Ring;Line;Star;Random;Custom
type TopologyType string

// The topology types.
const (
	// TopologyMesh connects every pair of nodes.
	TopologyMesh TopologyType = "Mesh"
	// TopologyRing connects each node with the next one, and the last with the first.
	TopologyRing TopologyType = "Ring"
	// TopologyLine connects each node with the next one.
	TopologyLine TopologyType = "Line"
	// TopologyStar connects node 0 with all other nodes.
	TopologyStar TopologyType = "Star"
	// TopologyRandom is a connected random graph in which every node has degree neighbours, if such a graph exists.
	TopologyRandom TopologyType = "Random"
	// TopologyCustom has exactly the listed edges.
	TopologyCustom TopologyType = "Custom"
)

// Topology specifies which nodes are connected with each other.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Random' || (!has(self.degree) && !has(self.seed))",message="topology.degree and topology.seed are allowed for type Random only"
// +kubebuilder:validation:XValidation:rule="self.type == 'Custom' || !has(self.edges)",message="topology.edges is allowed for type Custom only"
type Topology struct {
	// Type is Mesh (all pairs), Ring, Line, Star (node 0 is the centre), Random or Custom (the listed edges).
	// +optional
	// +kubebuilder:default=Mesh
	Type TopologyType `json:"type,omitempty"`
	// Degree is the number of neighbours of each node, for type Random only. Default: 4, or all other nodes in a smaller
	// network.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=499
	Degree *int32 `json:"degree,omitempty"`
	// Seed of the random graph, for type Random only. The same seed always gives the same graph. Default: 1.
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// Edges are the desired connections, for type Custom only.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5000
	Edges []Edge `json:"edges,omitempty"`
}

// Edge is an undirected connection of two nodes, identified by their ordinals.
//
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="an edge must connect two different nodes, not a node with itself"
type Edge struct {
	// From is the ordinal of one node.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=499
	From int32 `json:"from"`
	// To is the ordinal of the other node.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=499
	To int32 `json:"to"`
}

// Partition is a set of nodes without connections to nodes outside the set.
type Partition struct {
	// Nodes are the ordinals of the nodes in the set.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	// +kubebuilder:validation:items:Minimum=0
	// +kubebuilder:validation:items:Maximum=499
	Nodes []int32 `json:"nodes"`
}

// Mining configures the blocks that the operator mines: at an interval, or only when the chain would become too old.
//
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || !has(self.keepAlive)",message="mining.interval and mining.keepAlive exclude each other: with an interval, the best block is never older than the interval"
type Mining struct {
	// Interval is the time between two blocks, such as 10s; at least 1s. A block is due when the best block is that old, whoever mined
	// it. Blocks that the nodes cannot mine in time are skipped. Default: 10s, and none with keepAlive.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",message="mining.interval must be a duration of at least 1s, such as 10s or 1m30s"
	Interval *metav1.Duration `json:"interval,omitempty"`
	// KeepAlive is for networks without steady mining: the operator mines a block only when the time in the best block is this long ago,
	// such as 1h; at least 1m. A new network gets its first block at once. Programs beside the network need a recent block: LND does not
	// start, and opens no channels, when the best block is two hours old. During a partition it holds for each side.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1m')",message="mining.keepAlive must be a duration of at least 1m, such as 1h"
	KeepAlive *metav1.Duration `json:"keepAlive,omitempty"`
	// Node is the ordinal of the node that mines. Default: all nodes in turn, by the height of the chain.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=499
	Node *int32 `json:"node,omitempty"`
	// Address receives the block rewards. The condition Mining reports one with a wrong checksum. Default: a script of each node's own, whose coins cannot be spent, so that the two sides of
	// a partition never mine the same block. With an address they may, after many blocks in a few seconds.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.matches('^(bcrt1[02-9ac-hj-np-z]{8,90}|[mn2][1-9A-HJ-NP-Za-km-z]{25,34})$')",message="mining.address must be a regtest address, such as bcrt1q… or m…, n…, 2…"
	Address string `json:"address,omitempty"`
}

// RetentionPolicy specifies what happens to the claims of removed nodes and of a deleted network. A group that is scaled to 0 keeps its
// claims with both policies.
//
// +kubebuilder:validation:Enum=Delete;Retain
type RetentionPolicy string

// The retention policies.
const (
	// RetentionDelete deletes a claim with its node, if the other nodes have its blocks and the group is not scaled to 0.
	RetentionDelete RetentionPolicy = "Delete"
	// RetentionRetain keeps the claims; a network or node of the same name uses them again.
	RetentionRetain RetentionPolicy = "Retain"
)

// Storage configures a PersistentVolumeClaim per node.
type Storage struct {
	// Size is the size of each claim. It can grow if the storage class allows the expansion of volumes; otherwise the nodes keep their
	// volumes, Stalled reports it, and the size may be set back. At least 128Mi. Default: 1Gi.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('128Mi'))",message="storage.size must be at least 128Mi, because bitcoind does not start with less than 50 MB of free space"
	Size *resource.Quantity `json:"size,omitempty"`
	// StorageClassName is the storage class of the claims. Default: the cluster's default class.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// RetentionPolicy is Delete or Retain. Delete: the claims of nodes that are removed by scaling down are deleted when a node that
	// stays has their blocks, and all claims with the network. Retain: claims are kept in both cases. Claims of a group that is scaled
	// to 0 are kept with both, as long as the network exists.
	// +optional
	// +kubebuilder:default=Delete
	RetentionPolicy RetentionPolicy `json:"retentionPolicy,omitempty"`
}

// Group is a number of nodes with their own image or configuration.
//
// +kubebuilder:validation:XValidation:rule="!has(self.config) || !has(self.configLists) || self.configLists.all(k, !(k in self.config))",message="an option may be in config or in configLists, not in both"
type Group struct {
	// Name is the name of the group. Its StatefulSet is <network>-<name>-sts.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="the name of a group may have small letters, digits and '-', and at most 12 characters"
	Name string `json:"name"`
	// Nodes is the number of nodes in the group. 0 stops them all and keeps the claims of a network with storage.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=500
	Nodes int32 `json:"nodes"`
	// Image is the container image of the group's nodes. Default: the network's image.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="image must be an image reference without white space, such as registry.example.com/bitcoin:29.0"
	Image string `json:"image,omitempty"`
	// Config contains additional bitcoin.conf options for the group. They override those of the network.
	// +optional
	Config Config `json:"config,omitempty"`
	// ConfigLists contains bitcoin.conf options with several values for the group. They override those of the network, in config too.
	// An empty list leaves an option of the network out.
	// +optional
	ConfigLists ConfigLists `json:"configLists,omitempty"`
}

// ZMQ configures the ZMQ publishers of the nodes.
type ZMQ struct {
	// HighWaterMark is the number of messages that a publisher keeps for a subscriber that does not read them. It drops further ones,
	// which leaves a gap in the sequence numbers of the messages. Default: 10000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	HighWaterMark *int32 `json:"highWaterMark,omitempty"`
}

// ExposeType is the type of the Services that give a network stable addresses.
//
// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
type ExposeType string

// The types of Services that expose a network.
const (
	// ExposeClusterIP exposes a network within the cluster only.
	ExposeClusterIP ExposeType = "ClusterIP"
	// ExposeNodePort exposes a network on a port of every cluster node.
	ExposeNodePort ExposeType = "NodePort"
	// ExposeLoadBalancer exposes a network on an external load balancer.
	ExposeLoadBalancer ExposeType = "LoadBalancer"
)

// Expose gives a network addresses that stay when a pod is replaced.
type Expose struct {
	// Type is the type of the Services: ClusterIP (an address within the cluster), NodePort (also a port of every cluster node) or
	// LoadBalancer (also an external load balancer).
	// +required
	Type ExposeType `json:"type"`
	// PerNode creates a Service for each node instead of one Service for all nodes. Its name is that of the pod with the suffix
	// -expose, such as my-network-sts-0-expose.
	// +optional
	PerNode bool `json:"perNode,omitempty"`
}
