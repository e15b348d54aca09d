package v1

// Condition types of a LightningNetwork. docs/lightning-conditions.md is generated from the comments in this file.
const (
	// LightningConditionNodesReady is true when all objects of the network are applied, the pod of every node is ready and has the current
	// template, its LND answers the operator, and no pod of a removed node is left.
	LightningConditionNodesReady = "NodesReady"
	// LightningConditionSynced is true when every LND reports that it is synced, and no node is more than one block behind the node of
	// the BitcoinNetwork with the most blocks.
	LightningConditionSynced = "Synced"
	// LightningConditionFunded is true when every node that is to open channels has the coins for them, or has opened them.
	LightningConditionFunded = "Funded"
	// LightningConditionChannelsActive is true when exactly the desired channels exist between the nodes, besides those that people have
	// opened, and payments find a route over them. A channel counts when both ends report it as active, with the same short channel id, and
	// both know the policies of both directions. All nodes that public channels connect must know these channels too.
	LightningConditionChannelsActive = "ChannelsActive"
	// LightningConditionReady is true when NodesReady, Synced, Funded and ChannelsActive are true. Otherwise it has the reason and the
	// message of the first of them that is not.
	LightningConditionReady = "Ready"
	// LightningConditionReconciling is the condition of kstatus that is true while the operator works towards the desired state.
	LightningConditionReconciling = "Reconciling"
	// LightningConditionStalled is the condition of kstatus that is true when the network does not become ready without a change by a
	// user. What may appear by itself, such as a cluster node, a volume, an image or the BitcoinNetwork, makes it true after 15 seconds
	// only; NodesReady and Ready have the reason at once.
	LightningConditionStalled = "Stalled"
)

// Reasons of the conditions. Each comment has the meaning, the conditions that the reason appears in besides Ready, and the
// action that a user can take.
const (
	// LightningReasonReady means that all nodes are ready. In Ready it means that the network is in the desired state.
	//
	// Conditions: NodesReady=True.
	//
	// Action: none.
	LightningReasonReady = "Ready"
	// LightningReasonNoNodes means that the network is scaled to 0 nodes.
	//
	// Conditions: NodesReady=True, Synced=True, Funded=True, ChannelsActive=True.
	//
	// Action: none. To start nodes, set spec.nodes or run kubectl scale.
	LightningReasonNoNodes = "NoNodes"
	// LightningReasonBitcoinNetworkMissing means that the BitcoinNetwork that spec.bitcoinNetwork names does not exist, or is being deleted.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: create the BitcoinNetwork in the same namespace. The nodes then start without further action. With another name, create
	// another LightningNetwork.
	LightningReasonBitcoinNetworkMissing = "BitcoinNetworkMissing"
	// LightningReasonBitcoinNodesMissing means that the BitcoinNetwork is scaled to 0 nodes.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: scale the BitcoinNetwork up. Without storage its chain is lost, and with it all channels: then delete the pods of the LND
	// nodes too, with their claims.
	LightningReasonBitcoinNodesMissing = "BitcoinNodesMissing"
	// LightningReasonBitcoinNodeNotReady means that a node of the BitcoinNetwork that an LND node uses is not ready.
	//
	// Conditions: NodesReady=False, Synced=False.
	//
	// Action: wait, and see the conditions of the BitcoinNetwork.
	LightningReasonBitcoinNodeNotReady = "BitcoinNodeNotReady"
	// LightningReasonNodesStarting means that pods do not exist yet, are starting, or their LND is not active yet.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait. A node of the default image needs a second or two, and one whose LND is built without the tag lowscrypt 8 seconds of
	// a CPU for its wallet. If it takes minutes, see the events of the pods that the message
	// names with kubectl describe pod.
	LightningReasonNodesStarting = "NodesStarting"
	// LightningReasonNodesLeaving means that pods of removed nodes are still terminating.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait. A pod on an unreachable cluster node stays until that cluster node returns or is deleted.
	LightningReasonNodesLeaving = "NodesLeaving"
	// LightningReasonUpdating means that the nodes are being restarted with a new pod template, or LND in its pod with another bitcoind,
	// password or certificate.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait.
	LightningReasonUpdating = "Updating"
	// LightningReasonImageUnavailable means that the image of LND or of the operator cannot be pulled.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: correct spec.image or the operator's LND image, push the image, or add the registry's credentials to
	// spec.imagePullSecrets.
	LightningReasonImageUnavailable = "ImageUnavailable"
	// LightningReasonSecretMissing means that the Secret that spec.secret names does not exist, or has no keys.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: create the Secret in the same namespace. The nodes then start without further action, within two minutes, when the kubelet
	// has it.
	LightningReasonSecretMissing = "SecretMissing"
	// LightningReasonSecretUnusable means that LND cannot present the certificate in the Secret that spec.secret names.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: correct tls.crt and tls.key in the Secret, as the message describes it. The nodes then start without further action, within two
	// minutes, when the kubelet has them.
	LightningReasonSecretUnusable = "SecretUnusable"
	// LightningReasonUnschedulable means that no cluster node has room for a pod, or a PersistentVolumeClaim cannot be bound.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: add cluster nodes, lower spec.resources or spec.nodes, correct spec.nodeSelector, spec.affinity or
	// spec.tolerations, or provide the storage class.
	LightningReasonUnschedulable = "Unschedulable"
	// LightningReasonNodeFailing means that the container of a node cannot start, or LND exits again and again.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: see the exit code and the last error of the output in the message, and the whole output with
	// kubectl logs --previous. Common causes are an option in spec.config that this release of LND does not have, a value that it
	// does not accept, and an image without lnd.
	LightningReasonNodeFailing = "NodeFailing"
	// LightningReasonWalletDamaged means that LND cannot open its wallet, since it was killed while it created it, for instance for lack of
	// memory.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: delete the claim and the pod that the message names: the node gets a new wallet. Nothing is lost, since the old one has
	// never been open.
	LightningReasonWalletDamaged = "WalletDamaged"
	// LightningReasonNodeNotAnswering means that a pod is ready, but its LND does not answer the operator.
	//
	// Conditions: NodesReady=False.
	//
	// Action: see the error in the message. Check that NetworkPolicies allow the operator to reach port 18331 of the pods. If LND hangs,
	// its container restarts by itself after some minutes.
	LightningReasonNodeNotAnswering = "NodeNotAnswering"
	// LightningReasonApplyRefused means that the API server rejects an object of the network.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: see the API server's error in the message. Common causes are a quota, an admission webhook, and a missing
	// permission of the operator. The operator tries again by itself.
	LightningReasonApplyRefused = "ApplyRefused"
	// LightningReasonNameTaken means that an object with a name that the network needs exists and does not belong to the network.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: delete that object, or create the network with another name.
	LightningReasonNameTaken = "NameTaken"
	// LightningReasonStorageNotExpanded means that the cluster does not expand the claims, though storage.size has grown: the storage class
	// does not allow it, or a quota is used up. The nodes run with the volumes that they have.
	//
	// Conditions: Stalled=True, Reconciling=False.
	//
	// Action: set allowVolumeExpansion in the storage class, if its provisioner supports it, or set storage.size back. The operator
	// tries again every 30 seconds.
	LightningReasonStorageNotExpanded = "StorageNotExpanded"
	// LightningReasonReconcileFailed means that the operator could not finish a reconcile, for example because the API server answers the
	// write of an object with an internal error.
	//
	// Conditions: NodesReady=False.
	//
	// Action: see the error in the message. The operator tries again, at the latest 30 seconds later.
	LightningReasonReconcileFailed = "ReconcileFailed"
	// LightningReasonSynced means that every LND has the blocks of the BitcoinNetwork.
	//
	// Conditions: Synced=True.
	//
	// Action: none.
	LightningReasonSynced = "Synced"
	// LightningReasonSyncing means that an LND is behind its bitcoind, or reports that it is not synced.
	//
	// Conditions: Synced=False.
	//
	// Action: wait. If it takes minutes, see the log of the pod with kubectl logs.
	LightningReasonSyncing = "Syncing"
	// LightningReasonChainTooOld means that the best block is older than two hours, or there is no block: LND does not start then, and opens
	// no channels. The operator mines one block.
	//
	// Conditions: Synced=False.
	//
	// Action: wait. If the operator cannot mine, the message has the error of the node.
	LightningReasonChainTooOld = "ChainTooOld"
	// LightningReasonHeightsApart means that the nodes are more than three blocks apart, or on competing branches, so that payments between
	// them fail: the expiry of a payment is too near for the node that is ahead.
	//
	// Conditions: Synced=False.
	//
	// Action: see the condition Synced of the BitcoinNetwork. With spec.partitions there, it stays so until they are removed.
	LightningReasonHeightsApart = "HeightsApart"
	// LightningReasonFunded means that the nodes have the coins for their channels, or no channels are to be opened.
	//
	// Conditions: Funded=True.
	//
	// Action: none.
	LightningReasonFunded = "Funded"
	// LightningReasonFunding means that the operator mines coins for the nodes, or waits until LND has them.
	//
	// Conditions: Funded=False.
	//
	// Action: wait.
	LightningReasonFunding = "Funding"
	// LightningReasonSubsidyTooSmall means that the channels need more coins than can still be mined: on regtest the reward of a block is
	// halved every 150 blocks, from 50 coins.
	//
	// Conditions: Funded=False, Stalled=True, Reconciling=False.
	//
	// Action: send coins to the addresses of the nodes that the message names, from a wallet that has some, or declare smaller channels.
	// A new BitcoinNetwork begins with 50 coins for each block.
	LightningReasonSubsidyTooSmall = "SubsidyTooSmall"
	// LightningReasonMiningFailed means that no node of the BitcoinNetwork could mine the blocks that the channels need.
	//
	// Conditions: Synced=False, Funded=False, ChannelsActive=False.
	//
	// Action: see the error in the message, and the conditions of the BitcoinNetwork. The operator tries again by itself.
	LightningReasonMiningFailed = "MiningFailed"
	// LightningReasonChannelsActive means that all desired channels are active at both ends, and no others of the operator exist.
	//
	// Conditions: ChannelsActive=True.
	//
	// Action: none.
	LightningReasonChannelsActive = "ChannelsActive"
	// LightningReasonConnecting means that two nodes that have, or are to have, a channel are not connected with each other.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: wait. If it takes minutes, check that NetworkPolicies allow port 9735 between the pods that the message names.
	LightningReasonConnecting = "Connecting"
	// LightningReasonOpening means that channels are being opened, or their funding transactions wait for blocks.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: wait.
	LightningReasonOpening = "Opening"
	// LightningReasonActivating means that the channels are open, and not both ends have reported them as active, or know their policies.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: wait.
	LightningReasonActivating = "Activating"
	// LightningReasonGraphIncomplete means that all channels are active at both ends, and some nodes do not know them all yet, so that their
	// payments find no route. The message names the nodes, and the channels that each of them does not know.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: wait. Nodes report channels to each other within seconds. If it takes minutes, check spec.config for options that hinder
	// that, such as gossip.channel-update-interval, and see the log of the pod with kubectl logs.
	LightningReasonGraphIncomplete = "GraphIncomplete"
	// LightningReasonOpenFailed means that LND does not open a channel. The operator tries again.
	//
	// Conditions: ChannelsActive=False, Stalled=True, Reconciling=False.
	//
	// Action: see LND's error in the message. Common causes are a push that leaves the opener too little for the fees and its reserve,
	// and an option in spec.config that limits channels.
	LightningReasonOpenFailed = "OpenFailed"
	// LightningReasonClosing means that channels are being closed that are not desired any more, that the node that opened them has lost,
	// with its wallet for instance, or that LND or a person closes at their other end.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: wait. A channel that is not closed within spec.closeTimeout is closed by force, and one that its opener has lost after three
	// seconds. If the message has that a closing transaction is not confirmed by 30 blocks, it most likely spends a funding transaction that
	// a reorganisation has taken: make each node forget the channel then, with lncli abandonchannel --i_know_what_i_am_doing and the point
	// of the channel in the status.
	LightningReasonClosing = "Closing"
	// LightningReasonChannelsStale means that the funding transaction of a channel was reorganised into another block, so that its ends
	// have different short channel ids, or one that leads nowhere, with which LND has removed the channel from its graph for good. Or the
	// node at its other end has lost the channel, with its wallet for instance. The operator closes it by force and opens another one.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: wait.
	LightningReasonChannelsStale = "ChannelsStale"
	// LightningReasonPartitioned means that spec.partitions of the BitcoinNetwork separates the chains of the two ends of a channel.
	//
	// Conditions: ChannelsActive=False.
	//
	// Action: remove the partitions. Channels that are open continue then.
	LightningReasonPartitioned = "Partitioned"
	// LightningReasonWaiting means that the condition cannot be evaluated until all nodes answer.
	//
	// Conditions: Synced=False, Funded=False, ChannelsActive=False.
	//
	// Action: see the condition NodesReady.
	LightningReasonWaiting = "Waiting"
	// LightningReasonProgressing means that the operator works towards the desired state. In Stalled it means that no change by a
	// user is needed, also when the operator has nothing to do.
	//
	// Conditions: Reconciling=True, Stalled=False.
	//
	// Action: wait. The condition Ready has the details.
	LightningReasonProgressing = "Progressing"
	// LightningReasonSettled means that the operator has nothing to do.
	//
	// Conditions: Reconciling=False.
	//
	// Action: none.
	LightningReasonSettled = "Settled"
)
