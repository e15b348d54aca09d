package scenario

// Wait is what a step waits for: a condition, or an event.
type Wait struct {
	// Condition is the type of a condition of the network, such as Ready. wait: Ready is short for it.
	Condition string `json:"condition,omitempty"`
	// Is the status or the reason of the condition. Default: "True".
	Is string `json:"is,omitempty"`
	// Event is the reason of an event of Kubernetes, such as Evicted, about the network or one of its pods since the scenario began.
	Event string `json:"event,omitempty"`
	// Node is the one that the event is about. Default: any, or the network.
	Node Node `json:"node,omitempty"`
}

func (w *Wait) fromText(text string) { w.Condition = text }

// Mine mines blocks.
type Mine struct {
	// Node that mines. Default: 0.
	Node Node `json:"node,omitempty"`
	// Blocks is their number. Default: 1.
	Blocks *int64 `json:"blocks,omitempty"`
	// To is the address of the rewards. Default: the wallet faucet of the node.
	To string `json:"to,omitempty"`
	// Empty leaves transactions in the mempool.
	Empty bool `json:"empty,omitempty"`
	// Wait for all nodes of the same side to have the blocks. Default: true.
	Wait *bool `json:"wait,omitempty"`
}

// Address is a fresh address.
type Address struct {
	// Node whose wallet has the address. Default: 0.
	Node Node `json:"node,omitempty"`
}

// Fund pays coins.
type Fund struct {
	// Node whose wallet pays. Default: 0.
	Node Node `json:"node,omitempty"`
	// To is the address that is paid. Required.
	To string `json:"to"`
	// Amount in bitcoins, such as 0.5, or in satoshis, such as 1000sat. Required.
	Amount Amount `json:"amount"`
	// Fee in satoshis for each virtual byte. Default: 10.
	Fee *int64 `json:"fee,omitempty"`
	// Confirm the payment with a block. Default: true.
	Confirm *bool `json:"confirm,omitempty"`
}

// Traffic sends transactions.
type Traffic struct {
	// Nodes whose wallets pay each other, such as 0,2-3; at most 8. Default: the first 8 on the side of node 0.
	Nodes NodeSet `json:"nodes,omitempty"`
	// Rate of the transactions, such as 5/s or 30/m. Default: 1/s.
	Rate string `json:"rate,omitempty"`
	// Fee rate in satoshis for each virtual byte, or a range such as 1-50. Default: 1-20.
	Fee string `json:"fee,omitempty"`
	// Blocks is the time between two blocks that are mined meanwhile. Default: none.
	Blocks Duration `json:"blocks,omitempty"`
	// For is the time for which the step sends. Default: in the background, until stop or the end.
	For Duration `json:"for,omitempty"`
}

// Miners mine at random times.
type Miners struct {
	// Every is the mean time between two blocks of all miners together; at least 100ms. Required.
	Every Duration `json:"every"`
	// Shares of the miners, such as {"0": 60, "3": 40}: nodes, and how much power each has. Required.
	Shares map[string]int64 `json:"shares"`
	// For is the time for which they mine. Default: in the background, until stop or the end.
	For Duration `json:"for,omitempty"`
}

// Link carries blocks.
type Link struct {
	// From is the node at one end. Required.
	From Node `json:"from"`
	// To is the node at the other end. Required.
	To Node `json:"to"`
	// Delay of each block, in both directions. Required.
	Delay Duration `json:"delay"`
}

// Reorg replaces blocks.
type Reorg struct {
	// Node that mines the new branch. Default: 0.
	Node Node `json:"node,omitempty"`
	// Depth is the number of blocks that are replaced. Default: 1.
	Depth *int64 `json:"depth,omitempty"`
	// To is the address of the rewards. Default: a fresh one of the wallet faucet of the node.
	To string `json:"to,omitempty"`
	// Empty leaves the transactions of the old blocks in the mempool.
	Empty bool `json:"empty,omitempty"`
}

// Kill deletes a pod.
type Kill struct {
	// Node whose pod is deleted. Required.
	Node Node `json:"node"`
	// Grace is the time that bitcoind has to end by itself, in whole seconds. Default: 1s.
	Grace Duration `json:"grace,omitempty"`
	// Wait until the node is back and connected. Default: true.
	Wait *bool `json:"wait,omitempty"`
}

// OneNode names a node.
type OneNode struct {
	// Node is the node. Required.
	Node Node `json:"node"`
}

// Scale changes a number of nodes.
type Scale struct {
	// Group is the name of the group. Default: the main group.
	Group string `json:"group,omitempty"`
	// Nodes is the new number. Required.
	Nodes *int64 `json:"nodes"`
	// Wait until the network is Ready. Default: true.
	Wait *bool `json:"wait,omitempty"`
}

// Change changes a group.
type Change struct {
	// Group is the name of the group. Default: the whole network.
	Group string `json:"group,omitempty"`
	// Image is the new image. An empty one changes nothing.
	Image string `json:"image,omitempty"`
	// Config has options of bitcoin.conf that are set; an empty value removes one.
	Config map[string]Scalar `json:"config,omitempty"`
	// Wait until the network is Ready. Default: true.
	Wait *bool `json:"wait,omitempty"`
}

// CLI calls bitcoin-cli.
type CLI struct {
	// Node that is called. Default: 0.
	Node Node `json:"node,omitempty"`
	// Arguments of bitcoin-cli: options, the method and its parameters. A list or a mapping is passed as JSON. Required.
	Arguments []any `json:"arguments"`
	// Error is the code of the error that bitcoind has to return, such as -25. Default: no error.
	Error *int64 `json:"error,omitempty"`
}

// Command runs a program.
type Command struct {
	// Run is the program and its arguments. No shell reads them. Required.
	Run []string `json:"run"`
	// Env has further environment variables.
	Env map[string]Scalar `json:"env,omitempty"`
	// Exit is the expected exit code. Default: 0.
	Exit int64 `json:"exit,omitempty"`
}

func (c *Command) fromText(text string) { c.Run = []string{text} }

// Container runs a container.
type Container struct {
	// Image of the container. Required.
	Image string `json:"image"`
	// Command replaces the entry point of the image.
	Command []string `json:"command,omitempty"`
	// Arguments of the command.
	Arguments []string `json:"arguments,omitempty"`
	// Env has further environment variables.
	Env map[string]Scalar `json:"env,omitempty"`
	// Exit is the expected exit code. Default: 0.
	Exit int64 `json:"exit,omitempty"`
}

// Expect has what is expected; everything has to hold at the same time. A comparison is a value, or one with =, !=, <, <=, > or >= before
// it, or a range such as 1..3.
type Expect struct {
	// Nodes of which height, best, peers, mempool, chain and wallet are expected, such as 0,2-4. Default: all.
	Nodes NodeSet `json:"nodes,omitempty"`
	// Height of the best block of each node.
	Height *Comparison `json:"height,omitempty"`
	// Best block of each node: a hash, or same, for one block that all have.
	Best string `json:"best,omitempty"`
	// Tips is the number of different best blocks of the nodes.
	Tips *Comparison `json:"tips,omitempty"`
	// Peers is the number of different peers of each node: two nodes may have two connections.
	Peers *Comparison `json:"peers,omitempty"`
	// Mempool of each node.
	Mempool *Mempool `json:"mempool,omitempty"`
	// Chain is the best chain of each node.
	Chain *Members `json:"chain,omitempty"`
	// Wallet of each node. The result has that of the first node under wallet: trusted, pending, immature.
	Wallet *Wallet `json:"wallet,omitempty"`
	// Conditions of the network, with the status or the reason of each, such as Ready: "True" or Synced: Forked.
	Conditions map[string]string `json:"conditions,omitempty"`
	// Values are expressions of values of earlier steps, such as traffic.sent or after.height - before.height, with comparisons.
	Values map[string]Comparison `json:"values,omitempty"`
	// Holds is the time for which everything has to hold without a break, within the time of the step. Default: one moment.
	Holds Duration `json:"holds,omitempty"`
}

// Members are hashes that a list has, and others that it lacks.
type Members struct {
	// Has are those that it has.
	Has []string `json:"has,omitempty"`
	// Lacks are those that it does not have.
	Lacks []string `json:"lacks,omitempty"`
}

// Mempool is what a mempool has.
type Mempool struct {
	// Size is the number of transactions.
	Size *Comparison `json:"size,omitempty"`
	// Has are the transactions that it has.
	Has []string `json:"has,omitempty"`
	// Lacks are transactions that it does not have.
	Lacks []string `json:"lacks,omitempty"`
}

// Wallet is what a wallet has. Amounts are in bitcoins.
type Wallet struct {
	// Name of the wallet. Default: faucet, which is created if necessary.
	Name string `json:"name,omitempty"`
	// Trusted is what it can spend.
	Trusted *Comparison `json:"trusted,omitempty"`
	// Pending is what others have paid, in the mempool.
	Pending *Comparison `json:"pending,omitempty"`
	// Immature are rewards that need more blocks.
	Immature *Comparison `json:"immature,omitempty"`
	// Confirmations of transactions of the wallet: 0 in the mempool, less than 0 in conflict with the chain.
	Confirmations map[string]Comparison `json:"confirmations,omitempty"`
}
