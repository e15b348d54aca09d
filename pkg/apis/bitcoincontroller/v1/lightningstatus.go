package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// LightningNetworkStatus is the observed state of a Lightning network.
type LightningNetworkStatus struct {
	// ObservedGeneration is the generation of the spec that this status refers to; -1 before the operator's first reconcile.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Replicas is the number of nodes that have a pod, for the scale subresource.
	// +optional
	Replicas int32 `json:"replicas"`
	// ReadyNodes is the number of nodes whose pod is ready and whose LND answers.
	// +optional
	ReadyNodes int32 `json:"readyNodes"`
	// Selector selects the pods, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
	// ActiveChannels is the number of desired channels that are active, as both ends report it.
	// +optional
	ActiveChannels int32 `json:"activeChannels"`
	// DesiredChannels is the number of channels that the spec specifies.
	// +optional
	DesiredChannels int32 `json:"desiredChannels"`
	// ChannelsActive is "<activeChannels>/<desiredChannels>", for kubectl get.
	// +optional
	ChannelsActive string `json:"channelsActive,omitempty"`
	// Nodes is the status of each node, by ordinal.
	// +optional
	// +listType=map
	// +listMapKey=ordinal
	Nodes []LightningNodeStatus `json:"nodes,omitempty"`
	// Channels is the status of each desired channel, and of those that are being closed, by from, to and index. Of channels that are
	// closed and whose coins are delayed it has at most 100.
	// +optional
	// +listType=atomic
	Channels []LightningChannelStatus `json:"channels,omitempty"`
	// Conditions are NodesReady, Synced, Funded, ChannelsActive, Ready, Reconciling and Stalled.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// LightningNodeStatus is the observed state of one LND node.
type LightningNodeStatus struct {
	// Ordinal is the number of the node in the network, from 0.
	Ordinal int32 `json:"ordinal"`
	// PodName is the name of the pod.
	// +optional
	PodName string `json:"podName,omitempty"`
	// Ready is true when the pod is ready and LND answers. The fields below are from its last answer.
	Ready bool `json:"ready"`
	// PubKey is the public key of the node, by which others know it.
	// +optional
	PubKey string `json:"pubkey,omitempty"`
	// Address is <pubkey>@<host>:9735, as lncli connect takes it; the host is that of the node's Service, which stays.
	// +optional
	Address string `json:"address,omitempty"`
	// Exposed has the addresses of the node with spec.expose, as far as they are known.
	// +optional
	Exposed *LightningExposedAddresses `json:"exposed,omitempty"`
	// Alias is the alias that the node announces.
	// +optional
	Alias string `json:"alias,omitempty"`
	// Version is the version that LND reports.
	// +optional
	Version string `json:"version,omitempty"`
	// BitcoinNode is the ordinal of the node of the BitcoinNetwork that the node uses.
	// +optional
	BitcoinNode int32 `json:"bitcoinNode"`
	// Height is the height of the best block that LND has processed.
	// +optional
	Height int64 `json:"height"`
	// Synced is true when LND reports that its wallet and its graph have all blocks.
	// +optional
	Synced bool `json:"synced"`
	// WalletBalance is the confirmed balance of the wallet, in satoshis.
	// +optional
	WalletBalance int64 `json:"walletBalance"`
	// ChannelBalance is the node's own balance in its active channels, in satoshis.
	// +optional
	ChannelBalance int64 `json:"channelBalance"`
	// CredentialSalt identifies the operator's credential that the pod accepted last, by the salt of its hash, which is no secret. A
	// rotation of the master key is complete when all pods accept the one of the new key.
	// +optional
	CredentialSalt string `json:"credentialSalt,omitempty"`
}

// LightningExposedAddresses are the addresses of a node at its Service of spec.expose, as <host>:<port>. The host is the name of the Service
// with type ClusterIP, the address of the pod's cluster node with NodePort, and the load balancer with LoadBalancer.
type LightningExposedAddresses struct {
	// GRPC is the address of LND's gRPC API.
	GRPC string `json:"grpc"`
	// REST is the address of LND's REST API.
	REST string `json:"rest"`
	// P2P is the address for peers, which lncli connect takes after the public key and an @.
	P2P string `json:"p2p"`
}

// LightningChannelState is the state of a channel.
//
// +kubebuilder:validation:Enum=Missing;Opening;Pending;Active;Inactive;Stale;Closing;ForceClosing
type LightningChannelState string

// The states of a channel.
const (
	// LightningChannelMissing is a channel that does not exist yet.
	LightningChannelMissing LightningChannelState = "Missing"
	// LightningChannelOpening is a channel whose funding transaction is not in a block yet.
	LightningChannelOpening LightningChannelState = "Opening"
	// LightningChannelPending is a channel that is open, and is not announced to all nodes yet.
	LightningChannelPending LightningChannelState = "Pending"
	// LightningChannelActive is a channel that both ends report as active, with one short channel id, and that both have in their graphs.
	LightningChannelActive LightningChannelState = "Active"
	// LightningChannelInactive is a channel that is open, and one end of which is offline or does not answer.
	LightningChannelInactive LightningChannelState = "Inactive"
	// LightningChannelStale is a channel whose ends report different short channel ids, after a reorganisation of its funding transaction.
	LightningChannelStale LightningChannelState = "Stale"
	// LightningChannelClosing is a channel that is being closed cooperatively.
	LightningChannelClosing LightningChannelState = "Closing"
	// LightningChannelForceClosing is a channel that is being closed by force, or is to be since the node that opened it has lost it. It
	// stays until the coins, which LND delays, are spent.
	LightningChannelForceClosing LightningChannelState = "ForceClosing"
)

// LightningChannelStatus is the observed state of one channel.
type LightningChannelStatus struct {
	// From is the ordinal of the node that opens the channel.
	From int32 `json:"from"`
	// To is the ordinal of the other node.
	To int32 `json:"to"`
	// Index is the number of the channel among those from this node to that one, from 0.
	Index int32 `json:"index"`
	// State is Missing, Opening, Pending, Active, Inactive, Stale, Closing or ForceClosing.
	State LightningChannelState `json:"state"`
	// Capacity is the capacity of the channel, in satoshis.
	// +optional
	Capacity int64 `json:"capacity,omitempty"`
	// Private is true for a channel that is not announced.
	// +optional
	Private bool `json:"private,omitempty"`
	// Point is <transaction id>:<output> of the funding transaction.
	// +optional
	Point string `json:"point,omitempty"`
	// ShortID is the short channel id, <block>x<transaction>x<output>.
	// +optional
	ShortID string `json:"shortID,omitempty"`
	// FromBalance is the balance of the node that opens the channel, in satoshis.
	// +optional
	FromBalance int64 `json:"fromBalance,omitempty"`
	// ToBalance is the balance of the other node, in satoshis.
	// +optional
	ToBalance int64 `json:"toBalance,omitempty"`
	// BlocksMined is how many blocks the operator has mined for a transaction of the channel that still waits for some.
	// +optional
	BlocksMined int32 `json:"blocksMined,omitempty"`
	// Message is one sentence on what hinders the channel.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
