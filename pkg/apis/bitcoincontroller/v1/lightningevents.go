package v1

// Reasons of the events of a LightningNetwork, besides those of the condition Stalled, with which an event reports that the condition has
// that reason now. Each transition is reported once. The comments are part of docs/lightning-conditions.md.
const (
	// LightningEventCreated is a normal event: the operator has seen the network for the first time.
	LightningEventCreated = "Created"
	// LightningEventScaled is a normal event: the number of nodes has changed.
	LightningEventScaled = "Scaled"
	// LightningEventNodeReady is a normal event: the pods of one or more nodes are ready, and their LND is active.
	LightningEventNodeReady = "NodeReady"
	// LightningEventNodeLost is a warning: one or more nodes that were ready are not any more.
	LightningEventNodeLost = "NodeLost"
	// LightningEventIdentityLost is a warning: a node has another public key, since its wallet was lost; its channels are opened again.
	LightningEventIdentityLost = "IdentityLost"
	// LightningEventBlocksMined is a normal event: the operator has mined blocks on the BitcoinNetwork, for coins, for the confirmation of
	// channels, or since the best block was too old. The message has their number and the cause.
	LightningEventBlocksMined = "BlocksMined"
	// LightningEventChannelsOpened is a normal event: the funding transactions of one or more channels are sent.
	LightningEventChannelsOpened = "ChannelsOpened"
	// LightningEventChannelsActive is a normal event: all desired channels are active.
	LightningEventChannelsActive = "ChannelsActive"
	// LightningEventChannelsClosed is a normal event: one or more channels that are not desired any more are being closed.
	LightningEventChannelsClosed = "ChannelsClosed"
	// LightningEventChannelForceClosed is a warning: a channel is being closed by force; the message has the cause.
	LightningEventChannelForceClosed = "ChannelForceClosed"
	// LightningEventChannelAbandoned is a warning: a node has forgotten a channel whose funding transaction does not exist; it is opened
	// again when both ends have.
	LightningEventChannelAbandoned = "ChannelAbandoned"
	// LightningEventChannelLost is a warning: a desired channel that was open does not exist any more, and is opened again.
	LightningEventChannelLost = "ChannelLost"
)
