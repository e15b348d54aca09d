package v1

// Condition types of a BitcoinNetwork. docs/conditions.md is generated from the comments in this file.
const (
	// ConditionNodesReady is true when all objects of the network are applied, the pod of every node is ready and has the current
	// template, its bitcoind answers the operator or has no free RPC thread to do so, and has the ZMQ publishers that it is configured
	// with, and no pod of a removed node is left.
	ConditionNodesReady = "NodesReady"
	// ConditionConnected is true when exactly the connections of the topology exist between the nodes, as the bitcoind
	// processes at both ends report them, and no peer outside the network connects its partitions. It stays false for some
	// seconds after an entry is removed from a node's addnode list, because bitcoind may still dial that entry. Of a node whose
	// RPC threads are all taken, only the other end reports.
	ConditionConnected = "Connected"
	// ConditionSynced is true when all nodes are on one branch and no node is more than one block behind. In a network that was
	// ready it becomes false only after 3 seconds, because blocks may be on their way. Of a node whose RPC threads are all taken
	// the last answer counts.
	ConditionSynced = "Synced"
	// ConditionMining is true while the blocks of spec.mining are mined when they are due. It is missing without spec.mining, and has no
	// effect on Ready: a network without new blocks is whole.
	ConditionMining = "Mining"
	// ConditionReady is true when NodesReady, Connected and Synced are true. Otherwise it has the reason and the message of
	// the first of them that is not.
	ConditionReady = "Ready"
	// ConditionReconciling is the condition of kstatus that is true while the operator works towards the desired state.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is the condition of kstatus that is true when the network does not become ready without a change by
	// a user. A pod that waits for a cluster node, a volume, a Secret or an image makes it true after 15 seconds only, because
	// these may appear by themselves; NodesReady and Ready have the reason at once.
	ConditionStalled = "Stalled"
)

// Reasons of the conditions. Each comment has the meaning, the conditions that the reason appears in besides Ready, and the
// action that a user can take.
const (
	// ReasonReady means that all nodes are ready. In Ready it means that the network is in the desired state.
	//
	// Conditions: NodesReady=True.
	//
	// Action: none.
	ReasonReady = "Ready"
	// ReasonRPCBusy means that all nodes are ready, and all RPC threads of some are taken by calls of others: calls that
	// wait, such as waitfornewblock, or more calls than a node can carry out. Such a node stays a member of the network. Its last answer
	// and what its peers report count; the operator cannot change its connections, and it does not mine. The reason stays for 30
	// seconds after the node has answered again.
	//
	// Conditions: NodesReady=True.
	//
	// Action: none for the network. bitcoind carries out a call to its end, also when the client has gone. To end such calls, wait for
	// a block or a timeout, or delete the pod. For more calls at the same time set rpcthreads in spec.config.
	ReasonRPCBusy = "RPCBusy"
	// ReasonNoNodes means that the network is scaled to 0 nodes.
	//
	// Conditions: NodesReady=True, Synced=True, Mining=False.
	//
	// Action: none. To start nodes, set spec.nodes or run kubectl scale.
	ReasonNoNodes = "NoNodes"
	// ReasonNodesStarting means that pods do not exist yet, are starting, or are not ready yet.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait. If it takes minutes, see the events of the pods that the message names with kubectl describe pod.
	ReasonNodesStarting = "NodesStarting"
	// ReasonClusterNodeFailed means that the cluster node of a pod is not ready, or does not end a pod that was to end: it is switched
	// off, cut off, or its kubelet does not run. The message names both, and since when. Until Kubernetes finds it out, after some 40
	// seconds, the reason is NodeNotAnswering.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait until the cluster node returns; the pod, its chain and its wallets continue there. If it is gone for good, delete its
	// Node object, and the pod starts on another one. A pod with a volume of that cluster node then needs another claim: delete the
	// claim and the pod, and the node gets the chain from the others.
	ReasonClusterNodeFailed = "ClusterNodeFailed"
	// ReasonNodesLeaving means that pods of removed nodes are still terminating, or removed nodes still run in a pod that stays.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait. A pod on an unreachable cluster node stays until that cluster node returns or is deleted.
	ReasonNodesLeaving = "NodesLeaving"
	// ReasonSecretMissing means that the Secret that spec.secret names, or a key in it, does not exist.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: create the Secret in the network's namespace with the keys BC_RPC_USER and BC_RPC_PASSWORD. The nodes then
	// start without further action.
	ReasonSecretMissing = "SecretMissing"
	// ReasonImageUnavailable means that the image of a node cannot be pulled.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: correct spec.image or the operator's node image, push the image, or add the registry's credentials to
	// spec.imagePullSecrets.
	ReasonImageUnavailable = "ImageUnavailable"
	// ReasonNodeFailing means that a container of a node cannot start, or exits again and again.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: see the exit code and the last error of the output in the message, and the whole output with
	// kubectl logs --previous. In a pod with several nodes, whose container does not end with one of them, the output of node k of the pod
	// are the lines of kubectl logs that begin with [k]. Common causes are an option in spec.config that this release of bitcoind does not have, a
	// memory limit that is too low, and an image without bitcoind.
	ReasonNodeFailing = "NodeFailing"
	// ReasonUnschedulable means that no cluster node has room for a pod, or a PersistentVolumeClaim cannot be bound.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: add cluster nodes, lower spec.resources or spec.nodes, correct spec.nodeSelector, spec.affinity or
	// spec.tolerations, or provide the storage class.
	ReasonUnschedulable = "Unschedulable"
	// ReasonNodeNotAnswering means that a pod is ready, but its bitcoind does not answer the operator's RPC calls correctly.
	//
	// Conditions: NodesReady=False.
	//
	// Action: see the error in the message. Check that NetworkPolicies allow the operator to reach port 18332 of the pods; for
	// pods with several nodes, port 18330 and the ports 18332, 18342 and so on, one for each node. If the node hangs, delete its pod. With
	// several nodes in the pod, all of them restart then: end the bitcoind of that node only, which its pod starts again.
	ReasonNodeNotAnswering = "NodeNotAnswering"
	// ReasonUpdating means that the nodes are being restarted one by one with a new pod template, a group waits until another one
	// is updated, or an object of an earlier network of the same name is not deleted yet. A problem of a pod that still has the
	// old template is reported with this reason.
	//
	// Conditions: NodesReady=False.
	//
	// Action: wait. The rollout proceeds when the restarted node is connected and synced again, or without it after five minutes.
	ReasonUpdating = "Updating"
	// ReasonPublishersMissing means that all nodes are ready, but one of them does not have the ZMQ publishers of spec.zmq, or those of
	// the options zmqpub… in config.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: see the message. bitcoind switches all its publishers off, without an error, when it cannot use one of their addresses:
	// correct those in config, or use spec.zmq instead. An image whose bitcoind is built without ZMQ has no publishers.
	ReasonPublishersMissing = "PublishersMissing"
	// ReasonStorageNotExpanded means that the cluster does not expand the claims, though storage.size has grown: the storage class does
	// not allow it, or a quota is used up. The nodes run with the volumes that they have.
	//
	// Conditions: Stalled=True, Reconciling=False.
	//
	// Action: set allowVolumeExpansion in the storage class, if its provisioner supports it, or set storage.size back. The operator
	// tries again every 30 seconds.
	ReasonStorageNotExpanded = "StorageNotExpanded"
	// ReasonConnecting means that desired connections are missing, connections exist that the topology does not have, or a node
	// may still dial a former neighbour.
	//
	// Conditions: Connected=False.
	//
	// Action: wait. If it takes minutes, check that NetworkPolicies allow port 18444 between the pods that the message names.
	ReasonConnecting = "Connecting"
	// ReasonNetworkInactive means that a node is off the P2P network, because a user called setnetworkactive false. The
	// operator leaves it so.
	//
	// Conditions: Connected=False.
	//
	// Action: call setnetworkactive true on the node, or delete its pod. To split a network use spec.partitions.
	ReasonNetworkInactive = "NetworkInactive"
	// ReasonPartitionBridged means that a peer that is no node of the network, and serves blocks, is connected with nodes of
	// several partitions. The blocks of each side reach the others through it. Programs with the same address and version count as one.
	//
	// Conditions: Connected=False.
	//
	// Action: disconnect the peer that the message names from one side. status.foreignPeers has all such peers.
	ReasonPartitionBridged = "PartitionBridged"
	// ReasonConnected means that exactly the connections of the topology exist.
	//
	// Conditions: Connected=True.
	//
	// Action: none.
	ReasonConnected = "Connected"
	// ReasonSyncing means that a node is more than one block behind the branch it follows. A network that was ready gets
	// this reason after 3 seconds.
	//
	// Conditions: Synced=False.
	//
	// Action: wait. If a node does not catch up, see its log with kubectl logs. A node that can get its blocks from pruned nodes only
	// is named: connect it with a node that is not pruned.
	ReasonSyncing = "Syncing"
	// ReasonForked means that the nodes are on competing branches. A network that was ready gets this reason after 3 seconds.
	//
	// Conditions: Synced=False.
	//
	// Action: none while spec.partitions splits the network: each set may have its own branch. Otherwise mine one more block
	// on the branch that shall win, for instance with spec.mining.
	ReasonForked = "Forked"
	// ReasonSynced means that all nodes are on one branch and no node is more than one block behind.
	//
	// Conditions: Synced=True.
	//
	// Action: none.
	ReasonSynced = "Synced"
	// ReasonApplyRefused means that the API server rejects an object of the network.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: see the API server's error in the message. Common causes are a quota, an admission webhook, and a missing
	// permission of the operator. The operator tries again by itself.
	ReasonApplyRefused = "ApplyRefused"
	// ReasonReconcileFailed means that the operator could not finish a reconcile, for example because the API server answers the write of
	// an object with an internal error, or an admission webhook cannot be reached.
	//
	// Conditions: NodesReady=False.
	//
	// Action: see the error in the message. The operator tries again, at the latest 30 seconds later, and still connects the nodes and
	// mines. If the message names a webhook, see whether its pods run.
	ReasonReconcileFailed = "ReconcileFailed"
	// ReasonNameTaken means that an object with a name that the network needs exists and does not belong to the network.
	//
	// Conditions: NodesReady=False, Stalled=True, Reconciling=False.
	//
	// Action: delete that object, or create the network with another name.
	ReasonNameTaken = "NameTaken"
	// ReasonMining means that the blocks of spec.mining are mined when they are due.
	//
	// Conditions: Mining=True.
	//
	// Action: none.
	ReasonMining = "Mining"
	// ReasonMiningFailed means that a node could not mine a block that was due. The operator tries again, with the next node unless
	// spec.mining.node is set, after 30 seconds or the interval, whichever is shorter.
	//
	// Conditions: Mining=False.
	//
	// Action: see the node's error in the message, and its log with kubectl logs.
	ReasonMiningFailed = "MiningFailed"
	// ReasonAddressInvalid means that no blocks are mined since spec.mining.address is no address of regtest: its checksum is wrong, or
	// the node rejects it.
	//
	// Conditions: Mining=False.
	//
	// Action: correct spec.mining.address, for instance with the output of bitcoin-cli getnewaddress, or remove it.
	ReasonAddressInvalid = "AddressInvalid"
	// ReasonTimeTooNew means that the next block would be more than two hours ahead of the node's clock, which bitcoind rejects. Blocks
	// that are mined in quick succession run ahead by one second for every six of them, so that about 43,000 are possible at once.
	// The clock of a node that was set back has the same effect.
	//
	// Conditions: Mining=False.
	//
	// Action: wait. The message has the time at which blocks can be mined again; the operator then continues by itself.
	ReasonTimeTooNew = "TimeTooNew"
	// ReasonNoMiner means that a block is due and no node may mine it: the node of spec.mining.node, or each node, is not ready or is
	// behind the nodes that it is connected with. It is reported after 30 seconds.
	//
	// Conditions: Mining=False.
	//
	// Action: see the conditions NodesReady and Synced. Choose another spec.mining.node if that node does not return.
	ReasonNoMiner = "NoMiner"
	// ReasonWaiting means that the condition cannot be evaluated until all nodes answer. In Mining it means that no block has been due
	// yet.
	//
	// Conditions: Connected=False, Synced=False, Mining=False.
	//
	// Action: see the condition NodesReady.
	ReasonWaiting = "Waiting"
	// ReasonProgressing means that the operator works towards the desired state. In Stalled it means that no change by a
	// user is needed, also when the operator has nothing to do.
	//
	// Conditions: Reconciling=True, Stalled=False.
	//
	// Action: wait. The condition Ready has the details.
	ReasonProgressing = "Progressing"
	// ReasonSettled means that the operator has nothing to do.
	//
	// Conditions: Reconciling=False.
	//
	// Action: none.
	ReasonSettled = "Settled"
)
