package cli

import (
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
)

// faucetAddress is what the simulated wallet of a node has for its label.
func (at *node) faucetAddress() string { return fmt.Sprintf("address-%d-faucet", at.ordinal) }

// answerWallet answers the calls of the wallet.
func (n *nodes) answerWallet(at *node, args []string) (string, int, string) {
	switch args[0] {
	case "loadwallet":
		switch {
		case at.loaded:
			return "", -35, "Wallet \"faucet\" is already loaded."
		case !at.exists:
			return "", -18, "Wallet file verification failed. Path does not exist."
		}
		at.loaded = true
		return "{}", 0, ""
	case "createwallet":
		if at.exists {
			return "", -4, "Wallet file verification failed. Database already exists."
		}
		at.exists, at.loaded = true, true
		return "{}", 0, ""
	case "importdescriptors":
		at.keys = true
		return `[{"success":true},{"success":true}]`, 0, ""
	case "getaddressesbylabel":
		if !at.labelled {
			return "", -11, "No addresses with label faucet"
		}
		return toJSON(map[string]any{at.faucetAddress(): map[string]string{"purpose": "receive"}}), 0, ""
	case "getnewaddress":
		switch {
		case !at.keys:
			return "", -4, "Error: This wallet has no available keys"
		case len(args) > 1 && args[1] == "faucet" && !at.labelled:
			at.labelled = true
			return at.faucetAddress(), 0, ""
		}
		at.addresses++
		return fmt.Sprintf("address-%d-%d", at.ordinal, at.addresses), 0, ""
	case "getbalances":
		mature, immature := n.rewards(at)
		return fmt.Sprintf(`{"mine":{"trusted":%s,"untrusted_pending":0.00000000,"immature":%s}}`, mature-amount.Satoshis(at.spent), immature), 0, ""
	case "sendtoaddress":
		return n.send(at, args)
	case "sendmany":
		n.next++
		at.mempool = append(at.mempool, fmt.Sprintf("tx%d", n.next))
		return fmt.Sprintf("tx%d", n.next), 0, ""
	case "listtransactions":
		return toJSON(at.sent), 0, ""
	case "gettransaction":
		return n.transaction(at, args[1])
	}
	return "", -32601, "Method not found"
}

// rewards are those of the blocks that pay the wallet.
func (n *nodes) rewards(at *node) (mature, immature amount.Satoshis) {
	best := n.blocks[at.best]
	for b := best; b.height > 0; b = n.blocks[b.previous] {
		switch {
		case !strings.HasPrefix(b.address, fmt.Sprintf("address-%d-", at.ordinal)):
		case best.height-b.height >= 100:
			mature += amount.Subsidy(b.height)
		default:
			immature += amount.Subsidy(b.height)
		}
	}
	return mature, immature
}

func (n *nodes) send(at *node, args []string) (string, int, string) {
	for _, arg := range args {
		if text, ok := strings.CutPrefix(arg, "amount="); ok {
			value, err := amount.Parse(text)
			mature, _ := n.rewards(at)
			if err != nil || value > mature-amount.Satoshis(at.spent) {
				return "", -6, "Insufficient funds"
			}
			at.spent += int64(value)
		}
	}
	n.next++
	txid := fmt.Sprintf("tx%d", n.next)
	at.mempool = append(at.mempool, txid)
	at.sent = append(at.sent, map[string]string{"txid": txid, "comment": commentOf(args)})
	return txid, 0, ""
}

func commentOf(args []string) string {
	for _, arg := range args {
		if comment, ok := strings.CutPrefix(arg, "comment="); ok {
			return comment
		}
	}
	return ""
}

func (n *nodes) transaction(at *node, txid string) (string, int, string) {
	best := n.blocks[at.best]
	for b := best; b.height > 0; b = n.blocks[b.previous] {
		for _, tx := range b.txs {
			if tx == txid {
				return toJSON(map[string]any{"confirmations": best.height - b.height + 1, "blockhash": b.hash, "blockheight": b.height}), 0, ""
			}
		}
	}
	return `{"confirmations":0}`, 0, ""
}
