package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LightningNetwork is a network of LND nodes on a BitcoinNetwork. The operator starts the nodes, gives them coins, opens the channels that
// are declared, and keeps them open.
//
// +genclient
// +genclient:method=GetScale,verb=get,subresource=scale,result=k8s.io/api/autoscaling/v1.Scale
// +genclient:method=UpdateScale,verb=update,subresource=scale,input=k8s.io/api/autoscaling/v1.Scale,result=k8s.io/api/autoscaling/v1.Scale
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=lightningnetworks,singular=lightningnetwork,shortName=lnnet,scope=Namespaced,categories={all,bitcoin}
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.nodes,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Network",type=string,JSONPath=`.spec.bitcoinNetwork`,description="The BitcoinNetwork that the nodes use"
// +kubebuilder:printcolumn:name="Nodes",type=integer,JSONPath=`.spec.nodes`,description="Desired number of nodes"
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=`.status.readyNodes`,description="Number of ready nodes"
// +kubebuilder:printcolumn:name="Channels",type=string,JSONPath=`.status.channelsActive`,description="Active channels and desired channels"
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",message="the name of a network may have at most 40 characters, small letters, digits and '-', beginning with a letter, because its pods and its Services are named after it"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.storage) || !has(oldSelf.spec.storage) || !has(self.spec.storage.size) || !has(oldSelf.spec.storage.size) || quantity(string(self.spec.storage.size)).compareTo(quantity(string(oldSelf.spec.storage.size))) >= 0 || (has(oldSelf.status) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.type == 'Stalled' && c.reason == 'StorageNotExpanded'))",message="storage.size can only grow, because Kubernetes does not shrink volumes, and may be set back only while the cluster does not expand the claims"
type LightningNetwork struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired state of the network.
	// +required
	Spec LightningNetworkSpec `json:"spec"`
	// Status is the observed state of the network, as the LND nodes report it. Its default makes kstatus, and with it Helm 4, Flux and
	// Argo CD, wait until the operator has reconciled the network.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status LightningNetworkStatus `json:"status,omitempty"`
}

// LightningNetworkList is a list of Lightning networks.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
type LightningNetworkList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LightningNetwork `json:"items"`
}

// LightningNetworkSpec is the desired state of a Lightning network.
//
// +kubebuilder:validation:XValidation:rule="has(self.storage) == has(oldSelf.storage) && (!has(self.storage) || (has(self.storage.storageClassName) == has(oldSelf.storage.storageClassName) && (!has(self.storage.storageClassName) || self.storage.storageClassName == oldSelf.storage.storageClassName) && has(self.storage.retentionPolicy) == has(oldSelf.storage.retentionPolicy) && (!has(self.storage.retentionPolicy) || self.storage.retentionPolicy == oldSelf.storage.retentionPolicy)))",message="storage cannot be changed once the network exists, except for a larger size: create a new network with the storage you want"
// +kubebuilder:validation:XValidation:rule="!has(self.channels) || !has(self.topology)",message="channels and topology exclude each other: topology specifies all channels of the network"
// +kubebuilder:validation:XValidation:rule="!has(self.channels) || self.nodes == 0 || self.channels.all(c, c.from < self.nodes && c.to < self.nodes)",message="channels names a node that does not exist: nodes are numbered from 0 to the number of nodes less 1"
// +kubebuilder:validation:XValidation:rule="!has(self.channels) || self.channels.map(c, has(c.count) ? c.count : 1).sum() <= 500",message="a network may have at most 500 channels, the count of each entry in channels included"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || self.topology.type != 'Random' || !has(self.topology.degree) || self.nodes == 0 || self.topology.degree < self.nodes",message="topology.degree must be smaller than the number of nodes, because the neighbours of a node are other nodes"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || self.topology.type != 'Mesh' || self.nodes <= 32",message="a Mesh may have at most 32 nodes, because a network may have at most 500 channels: use Random with a degree"
// +kubebuilder:validation:XValidation:rule="!has(self.topology) || self.topology.type != 'Random' || !has(self.topology.degree) || self.nodes * self.topology.degree <= 1000",message="a network may have at most 500 channels, half of nodes times topology.degree: choose a smaller degree"
type LightningNetworkSpec struct {
	// BitcoinNetwork is the name of the BitcoinNetwork, in the same namespace, that the nodes use: node 0 its node 0 and so on, in turn
	// if it has fewer nodes. It cannot be changed once the network exists.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="bitcoinNetwork cannot be changed once the network exists, because the channels are on its chain: create a new network"
	BitcoinNetwork string `json:"bitcoinNetwork"`

	// Nodes is the number of LND nodes. 0 stops them all and keeps the network, with the claims of its nodes. Without storage, nodes and
	// channels are lost with the pods.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=64
	Nodes int32 `json:"nodes"`

	// Image is a container image with lnd and lncli on its PATH. Default: the LND image of the operator.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="image must be an image reference without white space, such as registry.example.com/lnd:0.21.0"
	Image string `json:"image,omitempty"`

	// Alias is the beginning of the aliases that the nodes announce: node 0 of my-alias is my-alias-0. Default: the name of the network.
	// +optional
	// +kubebuilder:validation:MaxLength=28
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$')",message="alias may have at most 28 characters, letters, digits, '-', '_' and '.', beginning and ending with a letter or a digit, because LND adds the number of the node and announces at most 32"
	Alias string `json:"alias,omitempty"`

	// Channels are the desired channels. Channels that the nodes open by themselves, or people with lncli, are left alone. Default: none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	Channels []LightningChannel `json:"channels,omitempty"`

	// Topology specifies the channels by a shape, in place of a list in channels.
	// +optional
	Topology *LightningTopology `json:"topology,omitempty"`

	// Config contains additional options of lnd.conf for all nodes, with their sections before a dot, such as bitcoin.feerate: "10".
	// Options that the operator sets itself are rejected.
	// +optional
	Config LightningConfig `json:"config,omitempty"`

	// Secret is the name of a Secret in the same namespace, whose keys are files in /etc/lightning-secret of each LND container, for what users bring.
	// If it has tls.crt and tls.key, LND presents that certificate in place of its own; it must be valid for localhost and 127.0.0.1 too,
	// where lncli reaches LND. The nodes wait until the Secret exists. Another name, or a first one, replaces their
	// pods, one by one: without storage they lose their wallets and channels. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",message="secret must be the name of a Secret: small letters, digits, '-' and '.'"
	Secret string `json:"secret,omitempty"`

	// Storage gives each node a PersistentVolumeClaim for its wallet, its keys and its channels. It cannot be changed. Default:
	// they are in the pod. What is kept of them, without storage, with retentionPolicy Delete and with Retain:
	//
	//     LND is stopped or restarts   kept      kept      kept
	//     the pod is deleted or moved  lost      kept      kept
	//     its machine is lost          lost      as the volume
	//     scaled down, but not to 0    lost      deleted   kept
	//     scaled to 0                  lost      kept      kept
	//     the network is deleted       lost      deleted   kept
	//
	// A node that has lost them is another node, with another public key. The operator opens its channels again; the other ends of the
	// old ones are closed by force, and the coins of the lost node are gone.
	// +optional
	Storage *LightningStorage `json:"storage,omitempty"`

	// CloseTimeout is how long the operator waits for a cooperative close of a channel that is not desired any more, before it closes it
	// by force. Default: 2m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",message="closeTimeout must be a duration of at least 1s, such as 2m or 1m30s"
	CloseTimeout *metav1.Duration `json:"closeTimeout,omitempty"`

	// Expose creates a Service for each node with the ports 9735 for peers, 10009 gRPC and 8080 REST, for wallets and programs outside of the
	// cluster. Users of the API need a macaroon of the node. Changes restart LND in its pod, with all that it has, since its certificate
	// gets the addresses. Default: none; within the cluster, each node is reached by the Service with the name of its pod.
	// +optional
	Expose *LightningExpose `json:"expose,omitempty"`

	// Resources are the requests and limits of each node. The LND of the default image takes 80 MB when it creates or opens its wallet, and
	// 73 to 115 MB then; one that is built without the tag lowscrypt takes 324 MB for some seconds, so that a lower limit than 384Mi is rejected.
	// Default: requests of 20m CPU and 128Mi memory, limits of 2 CPUs and 512Mi memory.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || !('memory' in self.limits) || quantity(string(self.limits['memory'])).compareTo(quantity('384Mi')) >= 0",message="resources.limits.memory must be at least 384Mi, because an LND that is built without the tag lowscrypt takes 324 MB while it creates its wallet, and a wallet that is interrupted there cannot be opened any more"
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// NodeSelector is the node selector of the pods.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations are the tolerations of the pods. Without one for node.kubernetes.io/unreachable, the pods tolerate it without a limit:
	// they continue, with their channels, when their cluster node returns.
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
