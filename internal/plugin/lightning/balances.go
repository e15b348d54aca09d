package lightning

import "fmt"

// Balance is what a node has, in satoshis.
type Balance struct {
	Node int    `json:"node"`
	Pod  string `json:"pod"`
	// Confirmed and Unconfirmed are those of the wallet on the chain.
	Confirmed   int64 `json:"confirmed"`
	Unconfirmed int64 `json:"unconfirmed"`
	// Local and Remote are the node's own part of its open channels, and that of the other ends.
	Local  int64 `json:"local"`
	Remote int64 `json:"remote"`
	// PendingLocal and PendingRemote are those of channels whose funding transaction waits for a block.
	PendingLocal  int64 `json:"pendingLocal"`
	PendingRemote int64 `json:"pendingRemote"`
	// Error is why the node did not answer. The amounts have no meaning then.
	Error string `json:"error,omitempty"`
}

// BalanceOf a node, from its answers.
func BalanceOf(node int, pod string, wallet WalletBalance, channels ChannelBalance) Balance {
	return Balance{
		Node: node, Pod: pod, Confirmed: wallet.Confirmed, Unconfirmed: wallet.Unconfirmed, Local: channels.Local.Sat, Remote: channels.Remote.Sat,
		PendingLocal: channels.PendingLocal.Sat, PendingRemote: channels.PendingRemote.Sat,
	}
}

// BalanceTable has a row for each node. The pending amounts of channels are in brackets, where there are some.
func BalanceTable(balances []Balance) string {
	rows := [][]string{{"NODE", "POD", "CONFIRMED", "UNCONFIRMED", "LOCAL", "REMOTE"}}
	for _, b := range balances {
		row := []string{fmt.Sprint(b.Node), b.Pod}
		if b.Error != "" {
			rows = append(rows, append(row, "-", "-", "-", "-"))
			continue
		}
		rows = append(rows, append(row, fmt.Sprint(b.Confirmed), fmt.Sprint(b.Unconfirmed), withPending(b.Local, b.PendingLocal), withPending(b.Remote, b.PendingRemote)))
	}
	return table(rows)
}

func withPending(amount, pending int64) string {
	if pending == 0 {
		return fmt.Sprint(amount)
	}
	return fmt.Sprintf("%d (+%d)", amount, pending)
}
