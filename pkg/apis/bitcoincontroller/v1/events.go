package v1

// Reasons of the events of a BitcoinNetwork, besides those of the condition Stalled, NetworkInactive, PartitionBridged and
// ReconcileFailed, with which an event reports that the condition has that reason now. Each transition is reported once. The comments
// are part of docs/conditions.md: "is a normal event" or "is a warning", and when it is recorded.
const (
	// EventCreated is a normal event: the operator has seen the network for the first time.
	EventCreated = "Created"
	// EventScaled is a normal event: the number of nodes has changed.
	EventScaled = "Scaled"
	// EventNodeReady is a normal event: the pods of one or more nodes are ready, and their bitcoind answers.
	EventNodeReady = "NodeReady"
	// EventNodeLost is a warning: one or more nodes that were ready are not any more.
	EventNodeLost = "NodeLost"
	// EventPartitioned is a normal event: the network is divided as spec.partitions specifies.
	EventPartitioned = "Partitioned"
	// EventHealed is a normal event: the partitions were removed from the spec.
	EventHealed = "Healed"
	// EventForked is a warning: the nodes are on competing branches.
	EventForked = "Forked"
	// EventForkGone is a normal event: all nodes follow one branch again.
	EventForkGone = "ForkGone"
	// EventHeightFell is a warning: no node has the highest blocks any more, see status.heightFell.
	EventHeightFell = "HeightFell"
	// EventMiningFailed is a warning: the condition Mining has become false, or has another reason.
	EventMiningFailed = "MiningFailed"
	// EventMiningResumed is a normal event: blocks are mined again.
	EventMiningResumed = "MiningResumed"
	// EventAddedNodeRemoved is a warning: an entry that a person had added to the addnode list of a node led to a node that the topology
	// does not connect with it, and was removed.
	EventAddedNodeRemoved = "AddedNodeRemoved"
	// EventClaimsKept is a warning: the volume claims of removed nodes, or in a pod with several nodes that stays their data, are kept,
	// though storage.retentionPolicy is Delete, because they may have blocks that no other node has.
	EventClaimsKept = "ClaimsKept"
)
