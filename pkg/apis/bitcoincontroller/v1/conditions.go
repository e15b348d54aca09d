package v1

// Condition types of a BitcoinNetwork.
const (
	// ConditionNodesReady is true when every node's pod is ready and its bitcoind answers the operator.
	ConditionNodesReady = "NodesReady"
	// ConditionConnected is true when every connection that the topology asks for exists, as the bitcoinds at both
	// ends report it, and no other one between nodes of the network does, nor can come back: for some seconds a bitcoind
	// may still dial what was taken off its list.
	ConditionConnected = "Connected"
	// ConditionSynced is true when all nodes are on one branch and none is more than one block behind.
	ConditionSynced = "Synced"
	// ConditionReady is derived: true when NodesReady, Connected and Synced are.
	ConditionReady = "Ready"
	// ConditionReconciling is kstatus' sign that the operator is at work: what is does not match the spec yet.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is kstatus' sign that the network cannot get on without somebody's help.
	ConditionStalled = "Stalled"
)

// Reasons of the conditions. Ready carries the reason of the first condition that is not true.
const (
	// ReasonReady: all is as the spec asks for.
	ReasonReady = "Ready"
	// ReasonNoNodes: the network has been scaled to no nodes at all.
	ReasonNoNodes = "NoNodes"
	// ReasonNodesStarting: pods are missing, starting or not ready yet.
	ReasonNodesStarting = "NodesStarting"
	// ReasonNodesLeaving: pods of removed nodes are still there.
	ReasonNodesLeaving = "NodesLeaving"
	// ReasonSecretMissing: the Secret that spec.secret names, or a key in it, does not exist.
	ReasonSecretMissing = "SecretMissing"
	// ReasonImageUnavailable: the image of a node cannot be pulled.
	ReasonImageUnavailable = "ImageUnavailable"
	// ReasonNodeFailing: a node's container ends again and again.
	ReasonNodeFailing = "NodeFailing"
	// ReasonUnschedulable: no cluster node has room for a pod, or a claim cannot be bound.
	ReasonUnschedulable = "Unschedulable"
	// ReasonNodeNotAnswering: a pod is ready, but its bitcoind does not answer the operator, or not sensibly.
	ReasonNodeNotAnswering = "NodeNotAnswering"
	// ReasonUpdating: nodes are being restarted one by one with a new template.
	ReasonUpdating = "Updating"
	// ReasonConnecting: connections are missing, or ones that should go are still there.
	ReasonConnecting = "Connecting"
	// ReasonConnected: exactly the connections of the topology exist.
	ReasonConnected = "Connected"
	// ReasonSyncing: nodes are more than a block behind the branch they follow.
	ReasonSyncing = "Syncing"
	// ReasonForked: the nodes are on competing branches.
	ReasonForked = "Forked"
	// ReasonSynced: one branch, none more than a block behind.
	ReasonSynced = "Synced"
	// ReasonApplyRefused: the API server refused one of the network's objects.
	ReasonApplyRefused = "ApplyRefused"
	// ReasonNameTaken: an object of a needed name exists and belongs to somebody else.
	ReasonNameTaken = "NameTaken"
	// ReasonWaiting: not known yet, because nodes have to answer first.
	ReasonWaiting = "Waiting"
	// ReasonProgressing: the operator is at work.
	ReasonProgressing = "Progressing"
	// ReasonSettled: nothing is left to do.
	ReasonSettled = "Settled"
)
