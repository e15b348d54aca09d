package v1

import "k8s.io/apimachinery/pkg/api/resource"

// LightningChannel is one or more channels from one node to another.
//
// +kubebuilder:validation:XValidation:rule="self.from != self.to",message="a channel must connect two different nodes, not a node with itself"
// +kubebuilder:validation:XValidation:rule="!has(self.push) || self.push < self.capacity",message="push must be less than capacity, because the node that opens the channel pushes a part of it to the other end"
type LightningChannel struct {
	// From is the ordinal of the node that opens the channel and pays for it.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=63
	From int32 `json:"from"`
	// To is the ordinal of the other node.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=63
	To int32 `json:"to"`
	// Capacity is the capacity of the channel, in satoshis.
	// +required
	// +kubebuilder:validation:Minimum=20000
	// +kubebuilder:validation:Maximum=1000000000
	Capacity int64 `json:"capacity"`
	// Push is the part of the capacity, in satoshis, that the other node gets when the channel is opened. Default: 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Push int64 `json:"push,omitempty"`
	// Count is the number of such channels. Default: 1.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Count int32 `json:"count,omitempty"`
	// Private channels are not announced: only their two nodes know them.
	// +optional
	Private bool `json:"private,omitempty"`
}

// LightningTopologyType is the shape of a Lightning network's graph.
//
// +kubebuilder:validation:Enum=Mesh;Ring;Line;Star;Random
type LightningTopologyType string

// LightningTopology specifies the channels by a shape, each of them with the same capacity. The node with the lower ordinal opens the
// channel.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'Random' || (!has(self.degree) && !has(self.seed))",message="topology.degree and topology.seed are allowed for type Random only"
// +kubebuilder:validation:XValidation:rule="!has(self.push) || self.push < self.capacity",message="topology.push must be less than topology.capacity, because the node that opens a channel pushes a part of it to the other end"
type LightningTopology struct {
	// Type is Mesh (a channel between each pair of nodes), Ring, Line, Star (node 0 is the centre) or Random.
	// +required
	Type LightningTopologyType `json:"type"`
	// Degree is the number of channels of each node, for type Random only. Default: 4, or all other nodes in a smaller network.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=63
	Degree *int32 `json:"degree,omitempty"`
	// Seed of the random graph, for type Random only. The same seed always gives the same graph. Default: 1.
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// Capacity is the capacity of each channel, in satoshis.
	// +required
	// +kubebuilder:validation:Minimum=20000
	// +kubebuilder:validation:Maximum=1000000000
	Capacity int64 `json:"capacity"`
	// Push is the part of the capacity, in satoshis, that the node with the higher ordinal gets when the channel is opened. Default: 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000
	Push int64 `json:"push,omitempty"`
}

// LightningStorage configures a PersistentVolumeClaim per node. Its fields are those of Storage.
type LightningStorage struct {
	// Size is the size of each claim. It can grow if the storage class allows the expansion of volumes; otherwise the nodes keep their
	// volumes, Stalled reports it, and the size may be set back. At least 128Mi. Default: 1Gi.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('128Mi'))",message="storage.size must be at least 128Mi, because LND cannot write its channels to a full volume"
	Size *resource.Quantity `json:"size,omitempty"`
	// StorageClassName is the storage class of the claims. Default: the cluster's default class.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// RetentionPolicy is Delete or Retain. Delete: the claims of nodes that are removed by scaling down, but not to 0, are deleted with
	// them, and all claims with the network. Retain: claims are kept in both cases.
	// +optional
	// +kubebuilder:default=Delete
	RetentionPolicy RetentionPolicy `json:"retentionPolicy,omitempty"`
}

// LightningExpose gives each node of a Lightning network addresses outside of the cluster.
type LightningExpose struct {
	// Type is the type of the Services: ClusterIP (an address within the cluster, for an Ingress or a gateway that passes TLS on), NodePort
	// (also a port of every cluster node) or LoadBalancer (also an external load balancer). The name of a Service is that of the pod with the
	// suffix -expose, such as my-lightning-lnd-0-expose.
	// +required
	Type ExposeType `json:"type"`
	// Hosts are the names and IP addresses by which clients reach the nodes: the certificates of the nodes are valid for them. Default: the
	// address of the pod's cluster node with type NodePort, and that of the load balancer with type LoadBalancer; the former changes when
	// the pod moves.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Hosts []LightningHost `json:"hosts,omitempty"`
}

// The third rule of LightningHost is an IPv6 address, in which an IPv4 address at the end counts as two of the eight groups. CEL has a function
// for addresses from Kubernetes 1.30 on only.

// LightningHost is a DNS name or an IP address.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$')",message="a host in expose.hosts must be a DNS name or an IP address, without a port, such as lnd.example.com or 192.0.2.1"
// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9.]+$') || self.matches('^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])([.]|$)){4}$')",message="a host in expose.hosts that has only digits and dots must be an IP address, such as 192.0.2.1"
// +kubebuilder:validation:XValidation:rule="!self.contains(':') || self.matches('^(([0-9A-Fa-f]{1,4}:)+|([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?::([0-9A-Fa-f]{1,4}:)*)([0-9A-Fa-f]{1,4}|((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))$|^([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?::$') && self.split(':').filter(group, group.size() > 0).size() + (self.contains('.') ? 1 : 0) in (self.contains('::') ? [0, 1, 2, 3, 4, 5, 6, 7] : [8])",message="a host in expose.hosts with a ':' must be an IPv6 address, without brackets, port and zone, such as 2001:db8::1"
type LightningHost string
