package v1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BitcoinNetwork is a bitcoin regtest network: real bitcoind nodes, connected in the shape that is asked for and kept so.
//
// +genclient
// +genclient:method=GetScale,verb=get,subresource=scale,result=k8s.io/api/autoscaling/v1.Scale
// +genclient:method=UpdateScale,verb=update,subresource=scale,input=k8s.io/api/autoscaling/v1.Scale,result=k8s.io/api/autoscaling/v1.Scale
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=bitcoinnetworks,singular=bitcoinnetwork,shortName=btcnet,scope=Namespaced,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.nodes,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Nodes",type=integer,JSONPath=`.spec.nodes`,description="Nodes of the main group that were asked for"
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=`.status.readyNodes`,description="Nodes that are ready, of all groups"
// +kubebuilder:printcolumn:name="Topology",type=string,JSONPath=`.spec.topology.type`
// +kubebuilder:printcolumn:name="Connected",type=string,JSONPath=`.status.connected`,description="Connections there are, of those the topology asks for"
// +kubebuilder:printcolumn:name="Height",type=integer,JSONPath=`.status.height`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",message="the name of a network may have at most 40 characters, small letters, digits and '-', beginning with a letter, because its pods and its Service are named after it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.groups) || self.spec.groups.all(g, size(self.metadata.name) + size(g.name) <= 47)",message="the names of the network and of a group may have at most 47 characters together, because the pods of the group carry both, with a revision, in a label"
type BitcoinNetwork struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the network that is asked for.
	// +required
	Spec BitcoinNetworkSpec `json:"spec"`
	// Status is the network as it is, as the nodes themselves report it.
	// +optional
	Status BitcoinNetworkStatus `json:"status,omitempty"`
}

// BitcoinNetworkList is a list of networks.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type BitcoinNetworkList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BitcoinNetwork `json:"items"`
}

// BitcoinNetworkSpec says what a network is to be.
//
// +kubebuilder:validation:XValidation:rule="has(self.storage) == has(oldSelf.storage) && (!has(self.storage) || self.storage == oldSelf.storage)",message="storage cannot be changed once the network exists: create a new network with the storage you want"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || self.topology.type != 'Random' || !has(self.topology.degree) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.topology.degree < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0))",message="topology.degree must be smaller than the number of nodes, because a node has no more neighbours than there are other nodes"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || !has(self.topology.edges) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.topology.edges.all(e, e.from < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) && e.to < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)))",message="topology.edges names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1, the groups' nodes after the main group's"
// +kubebuilder:validation:XValidation:rule="!has(self.partitions) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.partitions.all(p, p.nodes.all(n, n < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0))))",message="partitions names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1, the groups' nodes after the main group's"
// +kubebuilder:validation:XValidation:rule="!has(self.mining) || !has(self.mining.node) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.mining.node < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0))",message="mining.node names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1, the groups' nodes after the main group's"
// +kubebuilder:validation:XValidation:rule="!has(self.groups) || self.nodes + self.groups.map(g, g.nodes).sum() <= 500",message="a network may have at most 500 nodes, those of its groups included"
type BitcoinNetworkSpec struct {
	// Nodes is the number of nodes of the main group. 0 stops them all and keeps the network.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=500
	Nodes int32 `json:"nodes"`

	// Secret names a Secret in the network's namespace with the keys BC_RPC_USER and BC_RPC_PASSWORD: the credentials
	// for the people who use the network. Without it bitcoin-cli works inside the pods, and nobody else gets in. The
	// operator cannot read it. After a change of the Secret's content, the nodes take it over one after the other with
	// kubectl rollout restart statefulset --selector app.kubernetes.io/instance=<network>; another name here does it too.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",message="secret must be the name of a Secret: small letters, digits, '-' and '.'"
	Secret string `json:"secret,omitempty"`

	// Image has bitcoind and bitcoin-cli on its PATH. Default: the operator's own node image.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="image must be an image reference without white space, such as registry.example.com/bitcoin:29.0"
	Image string `json:"image,omitempty"`

	// Topology is the shape in which the nodes are connected.
	// +optional
	// +kubebuilder:default={type: Mesh}
	Topology *Topology `json:"topology,omitempty"`

	// Partitions splits the network: while listed, no connection crosses between the sets. Nodes in no set form one
	// more set. Removing the field heals the network.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.filter(q, sets.intersects(p.nodes, q.nodes)).size() == 1)",message="partitions overlap: a node may be in one set only"
	Partitions []Partition `json:"partitions,omitempty"`

	// Mining lets the operator mine a block every interval, without a wallet. Default: nobody mines.
	// +optional
	Mining *Mining `json:"mining,omitempty"`

	// Storage gives each node a volume claim for its chain. It cannot be changed later. Default: the chain lives as
	// long as the pod.
	// +optional
	Storage *Storage `json:"storage,omitempty"`

	// Config has further bitcoin.conf options for all nodes. Options that the operator needs for itself are refused.
	// +optional
	Config Config `json:"config,omitempty"`

	// Groups are more nodes, with another version or configuration, numbered on after the main group.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(g, self.exists_one(h, h.name == g.name))",message="groups has a name twice: the names of the groups must differ"
	Groups []Group `json:"groups,omitempty"`

	// Expose makes RPC and P2P reachable from outside the cluster.
	// +optional
	Expose *Expose `json:"expose,omitempty"`

	// Resources of each node. Default: requests 10m CPU and 64Mi of memory, limits 1 CPU and 256Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// NodeSelector of the pods.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the pods.
	// +optional
	// +listType=atomic
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity of the pods.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// TopologySpreadConstraints of the pods.
	// +optional
	// +listType=atomic
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// ImagePullSecrets of the pods.
	// +optional
	// +listType=atomic
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
}

// TopologyType names a shape.
//
// +kubebuilder:validation:Enum=Mesh;Ring;Line;Star;Random;Custom
type TopologyType string

// The shapes.
const (
	// TopologyMesh connects all pairs.
	TopologyMesh TopologyType = "Mesh"
	// TopologyRing connects each node with the next, and the last with the first.
	TopologyRing TopologyType = "Ring"
	// TopologyLine connects each node with the next.
	TopologyLine TopologyType = "Line"
	// TopologyStar connects node 0 with all others.
	TopologyStar TopologyType = "Star"
	// TopologyRandom is a connected random graph in which every node has degree neighbours, as far as possible.
	TopologyRandom TopologyType = "Random"
	// TopologyCustom has the edges that are listed, and no others.
	TopologyCustom TopologyType = "Custom"
)

// Topology is the shape in which nodes are connected.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Random' || (!has(self.degree) && !has(self.seed))",message="topology.degree and topology.seed go with type Random only"
// +kubebuilder:validation:XValidation:rule="self.type == 'Custom' || !has(self.edges)",message="topology.edges goes with type Custom only"
type Topology struct {
	// Type is the shape: Mesh (all pairs), Ring, Line, Star (node 0 in the middle), Random, Custom (the edges listed).
	// +optional
	// +kubebuilder:default=Mesh
	Type TopologyType `json:"type,omitempty"`
	// Degree is, for Random, the number of neighbours of each node. Default: 4, or all others where there are fewer.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=499
	Degree *int32 `json:"degree,omitempty"`
	// Seed is, for Random, what the graph is drawn from: the same seed gives the same graph. Default: 1.
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// Edges are, for Custom, the connections that are to exist.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5000
	Edges []Edge `json:"edges,omitempty"`
}

// Edge joins two nodes, named by their ordinals. Its direction does not matter.
//
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="an edge must join two different nodes, not a node to itself"
type Edge struct {
	// From is the ordinal of one end.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=499
	From int32 `json:"from"`
	// To is the ordinal of the other end.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=499
	To int32 `json:"to"`
}

// Partition is a set of nodes that is cut off from all others.
type Partition struct {
	// Nodes are the ordinals of the set.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=250
	// +kubebuilder:validation:items:Minimum=0
	// +kubebuilder:validation:items:Maximum=499
	Nodes []int32 `json:"nodes"`
}

// Mining lets the operator mine.
type Mining struct {
	// Interval between two blocks, such as 10s; at least 1s. When the nodes cannot keep up, blocks are skipped, not
	// heaped up. Default: 10s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",message="mining.interval must be a duration of at least 1s, such as 10s or 1m30s"
	Interval *metav1.Duration `json:"interval,omitempty"`
	// Node is the ordinal of the node that mines. Default: all in turn.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=499
	Node *int32 `json:"node,omitempty"`
	// Address receives the coins. Default: nobody can spend them.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.matches('^(bcrt1[02-9ac-hj-np-z]{8,90}|[mn2][1-9A-HJ-NP-Za-km-z]{25,34})$')",message="mining.address must be a regtest address, such as bcrt1q… or m…, n…, 2…"
	Address string `json:"address,omitempty"`
}

// RetentionPolicy says what becomes of the claims when their node or the network is deleted.
//
// +kubebuilder:validation:Enum=Delete;Retain
type RetentionPolicy string

// The retention policies.
const (
	// RetentionDelete removes a claim with its node.
	RetentionDelete RetentionPolicy = "Delete"
	// RetentionRetain keeps the claims; a network or node of the same name finds its chain again.
	RetentionRetain RetentionPolicy = "Retain"
)

// Storage asks for a volume claim per node.
type Storage struct {
	// Size of each claim. Default: 1Gi.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).isGreaterThan(quantity('0'))",message="storage.size must be more than 0, such as 1Gi"
	Size *resource.Quantity `json:"size,omitempty"`
	// StorageClassName of the claims. Default: the cluster's default class.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// RetentionPolicy is Delete (claims go with their nodes) or Retain (they stay).
	// +optional
	// +kubebuilder:default=Delete
	RetentionPolicy RetentionPolicy `json:"retentionPolicy,omitempty"`
}

// Group is a number of nodes with an image or a configuration of their own.
type Group struct {
	// Name of the group; its StatefulSet is <network>-<name>-sts.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="the name of a group may have small letters, digits and '-', and at most 12 characters"
	Name string `json:"name"`
	// Nodes is the number of nodes in the group.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=500
	Nodes int32 `json:"nodes"`
	// Image of the group's nodes. Default: the network's.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="image must be an image reference without white space, such as registry.example.com/bitcoin:29.0"
	Image string `json:"image,omitempty"`
	// Config has further bitcoin.conf options for the group, over those of the network.
	// +optional
	Config Config `json:"config,omitempty"`
}

// ExposeType is a type of Service that reaches out of the cluster.
//
// +kubebuilder:validation:Enum=NodePort;LoadBalancer
type ExposeType string

// The ways to expose a network.
const (
	ExposeNodePort     ExposeType = "NodePort"
	ExposeLoadBalancer ExposeType = "LoadBalancer"
)

// Expose makes a network reachable from outside the cluster.
type Expose struct {
	// Type of the Services.
	// +required
	Type ExposeType `json:"type"`
	// PerNode makes a Service for each node instead of one for all.
	// +optional
	PerNode bool `json:"perNode,omitempty"`
}

// BitcoinNetworkStatus is a network as its nodes report it.
type BitcoinNetworkStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Replicas is the number of pods of the main group, for the scale subresource.
	// +optional
	Replicas int32 `json:"replicas"`
	// ReadyNodes is the number of nodes, of all groups, whose pod is ready and whose bitcoind answers.
	// +optional
	ReadyNodes int32 `json:"readyNodes"`
	// Selector finds the pods of the main group, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
	// Connections is the number of desired connections that exist.
	// +optional
	Connections int32 `json:"connections"`
	// DesiredConnections is the number of connections that the topology asks for.
	// +optional
	DesiredConnections int32 `json:"desiredConnections"`
	// Connected is "<connections>/<desiredConnections>", for people.
	// +optional
	Connected string `json:"connected,omitempty"`
	// Height of the highest block that a node has.
	// +optional
	Height int64 `json:"height"`
	// BestBlockHash is the hash of that block.
	// +optional
	BestBlockHash string `json:"bestBlockHash,omitempty"`
	// ChainTips is the number of competing branches that the ready nodes are on; 1 means no fork. A node that is only
	// behind counts to the branch it follows.
	// +optional
	ChainTips int32 `json:"chainTips"`
	// Nodes are the nodes by ordinal.
	// +optional
	// +listType=map
	// +listMapKey=ordinal
	Nodes []NodeStatus `json:"nodes,omitempty"`
	// Conditions are NodesReady, Connected, Synced, Ready, Reconciling and Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// NodeStatus is one node as it reports itself.
type NodeStatus struct {
	// Ordinal is the node's number in the network.
	Ordinal int32 `json:"ordinal"`
	// Ready is true when the pod is ready and bitcoind answers.
	Ready bool `json:"ready"`
	// IP is the address of the pod.
	// +optional
	IP string `json:"ip,omitempty"`
	// NodeName is the name of the pod.
	// +optional
	NodeName string `json:"nodeName,omitempty"`
	// DNSName is <pod>.<service>, resolvable within the namespace.
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
	// Peers is the number of different peers the node is connected with.
	// +optional
	Peers int32 `json:"peers"`
	// Version is what the node calls itself, its subversion, such as /Satoshi:29.0.0/.
	// +optional
	Version string `json:"version,omitempty"`
}
