package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BitcoinNetwork is a bitcoin regtest network of bitcoind nodes. The operator starts the nodes, connects them as the topology
// specifies, and keeps them connected.
//
// +genclient
// +genclient:method=GetScale,verb=get,subresource=scale,result=k8s.io/api/autoscaling/v1.Scale
// +genclient:method=UpdateScale,verb=update,subresource=scale,input=k8s.io/api/autoscaling/v1.Scale,result=k8s.io/api/autoscaling/v1.Scale
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=bitcoinnetworks,singular=bitcoinnetwork,shortName=btcnet,scope=Namespaced,categories={all,bitcoin}
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.nodes,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Nodes",type=integer,JSONPath=`.spec.nodes`,description="Desired number of nodes in the main group"
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=`.status.readyNodes`,description="Number of ready nodes in all groups"
// +kubebuilder:printcolumn:name="Topology",type=string,JSONPath=`.spec.topology.type`
// +kubebuilder:printcolumn:name="Connected",type=string,JSONPath=`.status.connected`,description="Existing connections and desired connections"
// +kubebuilder:printcolumn:name="Height",type=integer,JSONPath=`.status.height`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",message="the name of a network may have at most 40 characters, small letters, digits and '-', beginning with a letter, because its pods and its Service are named after it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.groups) || self.spec.groups.all(g, size(self.metadata.name) + size(g.name) <= 47)",message="the names of the network and of a group may have at most 47 characters together, because the pods of the group carry both, with a revision, in a label"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.groups) || !has(self.spec.nodesPerPod) || self.spec.nodesPerPod == 1 || !has(self.spec.expose) || !has(self.spec.expose.perNode) || !self.spec.expose.perNode || self.spec.groups.all(g, size(self.metadata.name) + size(g.name) <= 45)",message="with nodesPerPod and expose.perNode the names of the network and of a group may have at most 45 characters together, because the Services of the nodes carry both, with the numbers of the pod and of the node in it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.storage) || !has(oldSelf.spec.storage) || !has(self.spec.storage.size) || !has(oldSelf.spec.storage.size) || quantity(string(self.spec.storage.size)).compareTo(quantity(string(oldSelf.spec.storage.size))) >= 0 || (has(oldSelf.status) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.type == 'Stalled' && c.reason == 'StorageNotExpanded'))",message="storage.size can only grow, because Kubernetes does not shrink volumes, and may be set back only while the cluster does not expand the claims"
type BitcoinNetwork struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired state of the network.
	// +required
	Spec BitcoinNetworkSpec `json:"spec"`
	// Status is the observed state of the network, as the nodes report it. Its default makes kstatus, and with it Helm 4, Flux and
	// Argo CD, wait until the operator has reconciled the network.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
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

// BitcoinNetworkSpec is the desired state of a network.
//
// +kubebuilder:validation:XValidation:rule="has(self.storage) == has(oldSelf.storage) && (!has(self.storage) || (has(self.storage.storageClassName) == has(oldSelf.storage.storageClassName) && (!has(self.storage.storageClassName) || self.storage.storageClassName == oldSelf.storage.storageClassName) && has(self.storage.retentionPolicy) == has(oldSelf.storage.retentionPolicy) && (!has(self.storage.retentionPolicy) || self.storage.retentionPolicy == oldSelf.storage.retentionPolicy)))",message="storage cannot be changed once the network exists, except for a larger size: create a new network with the storage you want"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || self.topology.type != 'Random' || !has(self.topology.degree) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.topology.degree < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0))",message="topology.degree must be smaller than the number of nodes, because the neighbours of a node are other nodes"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || !has(self.topology.edges) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.topology.edges.all(e, e.from < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) && e.to < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)))",message="topology.edges names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1, the groups' nodes after the main group's"
// +kubebuilder:validation:XValidation:rule="!has(self.partitions) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.partitions.all(p, p.nodes.all(n, n < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0))))",message="partitions names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1, the groups' nodes after the main group's"
// +kubebuilder:validation:XValidation:rule="!has(self.mining) || !has(self.mining.node) || (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0)) == 0 || self.mining.node < (self.nodes + (has(self.groups) ? self.groups.map(g, g.nodes).sum() : 0))",message="mining.node names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1, the groups' nodes after the main group's"
// +kubebuilder:validation:XValidation:rule="!has(self.groups) || self.nodes + self.groups.map(g, g.nodes).sum() <= 500",message="a network may have at most 500 nodes, those of its groups included"
// +kubebuilder:validation:XValidation:rule="!has(self.zmq) || !has(self.config) || self.config.all(k, !k.matches('^(no)?zmqpub'))",message="config may not set the options zmqpub… together with spec.zmq, which sets them: remove them from config, and use the ports of spec.zmq",messageExpression="'config may not set ' + self.config.filter(k, k.matches('^(no)?zmqpub'))[0] + ' together with spec.zmq, which sets it: remove it from config, and use the ports of spec.zmq'"
// +kubebuilder:validation:XValidation:rule="!has(self.zmq) || !has(self.groups) || self.groups.all(g, !has(g.config) || g.config.all(k, !k.matches('^(no)?zmqpub')))",message="the config of a group may not set the options zmqpub… together with spec.zmq, which sets them for all nodes: remove them from config"
// +kubebuilder:validation:XValidation:rule="!has(self.nodesPerPod) || self.nodesPerPod == 1 || !has(self.config) || self.config.all(k, !k.startsWith('zmqpub'))",message="config may not set the options zmqpub… with nodesPerPod, because a port in them may be that of another node of the pod: use spec.zmq"
// +kubebuilder:validation:XValidation:rule="!has(self.nodesPerPod) || self.nodesPerPod == 1 || !has(self.groups) || self.groups.all(g, !has(g.config) || g.config.all(k, !k.startsWith('zmqpub')))",message="the config of a group may not set the options zmqpub… with nodesPerPod, because a port in them may be that of another node of the pod: use spec.zmq"
// +kubebuilder:validation:XValidation:rule="!has(self.config) || !has(self.configLists) || self.configLists.all(k, !(k in self.config))",message="an option may be in config or in configLists, not in both"
// +kubebuilder:validation:XValidation:rule="has(self.storage) || (((!has(self.config) || !('prune' in self.config) || self.config['prune'].matches('^0*$')) && (!has(self.configLists) || !('prune' in self.configLists) || self.configLists['prune'].size() == 0 || self.configLists['prune'][0].matches('^0*$'))) ? self.nodes > 0 || !has(self.groups) || self.groups.exists(g, g.nodes > 0 && (!has(g.config) || !('prune' in g.config) || g.config['prune'].matches('^0*$')) && (!has(g.configLists) || !('prune' in g.configLists) || g.configLists['prune'].size() == 0 || g.configLists['prune'][0].matches('^0*$'))) || self.groups.all(g, g.nodes == 0) : has(self.groups) && self.groups.exists(g, g.nodes > 0 && ((has(g.config) && 'prune' in g.config) || (has(g.configLists) && 'prune' in g.configLists)) && (!has(g.config) || !('prune' in g.config) || g.config['prune'].matches('^0*$')) && (!has(g.configLists) || !('prune' in g.configLists) || g.configLists['prune'].size() == 0 || g.configLists['prune'][0].matches('^0*$'))))",message="prune needs storage, or nodes that are not pruned, such as those of a group with prune: '0', because a pruned node keeps only its last 288 blocks for a node that starts again without its chain"
type BitcoinNetworkSpec struct {
	// Nodes is the number of nodes in the main group. 0 stops all nodes of the group and keeps the network, with the claims of its
	// nodes, so that a network with storage has its chain when it is scaled up again. Without storage, the chain is lost with the
	// last node.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=500
	Nodes int32 `json:"nodes"`

	// Secret is the name of a Secret in the network's namespace with the keys BC_RPC_USER and BC_RPC_PASSWORD, the RPC
	// credentials of the network's users. Without it, only bitcoin-cli inside the pods has access. The operator cannot
	// read the Secret. To apply a change of its content, restart the nodes one by one with
	// kubectl rollout restart statefulset --selector app.kubernetes.io/instance=<network>,app.kubernetes.io/name=bitcoind,
	// or set another name here.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",message="secret must be the name of a Secret: small letters, digits, '-' and '.'"
	Secret string `json:"secret,omitempty"`

	// Image is a container image with bitcoind and bitcoin-cli on its PATH. Default: the node image of the operator.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="image must be an image reference without white space, such as registry.example.com/bitcoin:29.0"
	Image string `json:"image,omitempty"`

	// Topology specifies which nodes are connected with each other.
	// +optional
	// +kubebuilder:default={type: Mesh}
	Topology *Topology `json:"topology,omitempty"`

	// Partitions splits the network into sets of nodes without connections between them. Nodes that are in no set form
	// another set. Removing the field reconnects the network.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.filter(q, sets.intersects(p.nodes, q.nodes)).size() == 1)",message="partitions overlap: a node may be in one set only"
	Partitions []Partition `json:"partitions,omitempty"`

	// Mining makes the operator mine blocks, at an interval or to keep the best block recent, without a wallet. Default: no mining.
	// +optional
	Mining *Mining `json:"mining,omitempty"`

	// Storage gives each pod a PersistentVolumeClaim for the chain and the wallets of its node, or of its nodes with nodesPerPod, which
	// share the size. Only the size can be changed. Default: chain and
	// wallets are in the pod. What is kept of them, without storage, with retentionPolicy Delete and with Retain:
	//
	//     bitcoind is stopped or restarts  kept      kept      kept
	//     bitcoind is killed               maybe     but for the blocks of the last seconds
	//     the pod is deleted or moved      lost      kept      kept
	//     its machine is lost              lost      as the volume
	//     scaled down, but not to 0        lost      deleted   kept
	//     scaled to 0                      lost      kept      kept
	//     the group is removed             lost      deleted   kept
	//     the network is deleted           lost      deleted   kept
	//
	// A node that has lost its chain gets it from the others. Removed nodes stay until a node that stays has their blocks. Wallets are
	// loaded again when a node starts. The mempool and bans are kept where the chain is. Peers that were added by hand are lost when
	// bitcoind restarts.
	// +optional
	Storage *Storage `json:"storage,omitempty"`

	// Config contains additional bitcoin.conf options for all nodes, such as txindex: "1". Options that the operator sets itself
	// are rejected, and so are words such as "true" for a switch, which bitcoind takes for 0.
	// +optional
	Config Config `json:"config,omitempty"`

	// ConfigLists contains bitcoin.conf options with several values, such as debug: [net, mempool]. An option may be here or in
	// config. An empty list leaves a default option of the operator out. Of an option that bitcoind takes only once, the first value counts.
	// +optional
	ConfigLists ConfigLists `json:"configLists,omitempty"`

	// Groups are additional nodes with another image or configuration. Their ordinals follow those of the main group.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(g, self.exists_one(h, h.name == g.name))",message="groups has a name twice: the names of the groups must differ"
	Groups []Group `json:"groups,omitempty"`

	// ZMQ switches on the ZMQ publishers of all nodes, one port for each topic: rawblock 28332, rawtx 28333, hashblock 28334, hashtx
	// 28335, sequence 28336. The ports are in all Services of the network. An empty object is enough: zmq: {}. Default: no publishers,
	// except those that config specifies.
	// +optional
	ZMQ *ZMQ `json:"zmq,omitempty"`

	// NodesPerPod is the number of nodes that share a pod, which takes far less time and memory than a pod for each node. A node keeps
	// its own process, data directory, configuration, chain, wallets and peers; the nodes of a pod share its address and have ports of
	// their own, see status.nodes. They are lost, moved and updated together. It cannot be changed once the network exists. Default: 1.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=250
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="nodesPerPod cannot be changed once the network exists, because the nodes keep their chains and wallets in their pods: create a new network with the number you want"
	NodesPerPod int32 `json:"nodesPerPod,omitempty"`

	// Expose creates Services with the ports of the nodes, whose addresses stay when a pod is replaced: for programs that resolve a
	// name only once, and for access from outside the cluster.
	// +optional
	Expose *Expose `json:"expose,omitempty"`

	// Resources are the requests and limits of each node. Default: requests of 10m CPU and 64Mi memory, limits of 1 CPU
	// and 256Mi memory.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// NodeSelector is the node selector of the pods.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations are the tolerations of the pods. Without one for node.kubernetes.io/unreachable, the pods tolerate it without a limit:
	// they continue, with their chains and wallets, when their cluster node returns.
	// +optional
	// +listType=atomic
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity is the affinity of the pods.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// TopologySpreadConstraints are the topology spread constraints of the pods.
	// +optional
	// +listType=atomic
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	// ImagePullSecrets are the image pull secrets of the pods.
	// +optional
	// +listType=atomic
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
}

// BitcoinNetworkStatus is the observed state of a network.
type BitcoinNetworkStatus struct {
	// ObservedGeneration is the generation of the spec that this status refers to; -1 before the operator's first reconcile.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Replicas is the number of nodes in the main group that have a pod, for the scale subresource.
	// +optional
	Replicas int32 `json:"replicas"`
	// ReadyNodes is the number of nodes in all groups whose pod is ready and whose bitcoind answers.
	// +optional
	ReadyNodes int32 `json:"readyNodes"`
	// Selector selects the pods of the main group, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
	// Connections is the number of desired connections that exist.
	// +optional
	Connections int32 `json:"connections"`
	// DesiredConnections is the number of connections that the topology specifies.
	// +optional
	DesiredConnections int32 `json:"desiredConnections"`
	// Connected is "<connections>/<desiredConnections>", for kubectl get.
	// +optional
	Connected string `json:"connected,omitempty"`
	// Height is the height of the highest block of all nodes. It does not fall while a node that does not answer may have that block.
	// +optional
	Height int64 `json:"height"`
	// BestBlockHash is the hash of that block.
	// +optional
	BestBlockHash string `json:"bestBlockHash,omitempty"`
	// HeightFell is the last fall of the height, which an event reports too: no node has the blocks above it any more. Without
	// storage, this happens when the last pod that has a block is deleted. Empty if the height has never fallen.
	// +optional
	HeightFell *HeightFall `json:"heightFell,omitempty"`
	// LastBlockTime is when the latest block appeared: when the operator saw it, or the time in the block if that is earlier. The times
	// in blocks that are mined in quick succession are ahead of the clock. spec.mining.interval counts from here.
	// +optional
	LastBlockTime *metav1.Time `json:"lastBlockTime,omitempty"`
	// ChainTips is the number of competing branches that the ready nodes are on; 1 means no fork. A node that is behind
	// on a branch does not count as another branch.
	// +optional
	ChainTips int32 `json:"chainTips"`
	// Nodes is the status of each node, by ordinal.
	// +optional
	// +listType=map
	// +listMapKey=ordinal
	Nodes []NodeStatus `json:"nodes,omitempty"`
	// ForeignPeers are the peers that are no nodes of the network, such as wallets and Lightning nodes, by address; the first 16 of
	// them if there are more.
	// +optional
	// +listType=atomic
	ForeignPeers []ForeignPeer `json:"foreignPeers,omitempty"`
	// Conditions are NodesReady, Connected, Synced, Ready, Reconciling and Stalled, and with spec.mining also Mining.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
