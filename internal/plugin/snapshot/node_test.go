package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

// bitcoind is a simulated node: its P2P port gives and takes blocks, and bitcoin-cli in its pod has wallets.
type bitcoind struct {
	mu     sync.Mutex
	blocks []*wire.MsgBlock
	// ahead are blocks by the one before.
	ahead   map[string]*wire.MsgBlock
	wallets map[string]*wallet
	stored  []string
	mempool int
	// announced are headers that it got.
	announced map[chainhash.Hash]bool
	// loses is the height of a block that it forgets without a word.
	loses int
	// rejects is the height of a block that it does not accept.
	rejects int
	calls   []string
	// slow is how long it takes for an answer about its headers.
	slow time.Duration
	// imported are the heights at which its wallets got their keys.
	imported []int
	// rejected is how many connections it rejects before it has started, and early how many calls it got before.
	rejected, early int
}

type wallet struct {
	info        map[string]any
	descriptors []archive.Descriptor
	locked      bool
	labels      []archive.Label
	coins       []archive.Output
	balance     string
	// rescans is how many calls come while it reads blocks for an earlier one.
	rescans int
}

func (b *bitcoind) best() string {
	if len(b.blocks) == 0 {
		return chaincfg.RegressionNetParams.GenesisHash.String()
	}
	return b.blocks[len(b.blocks)-1].BlockHash().String()
}

// world is a network of such nodes.
type world struct {
	*testing.T
	nodes   map[string]*bitcoind
	network *v1.BitcoinNetwork
	client  *cluster.Client
	core    *fake.Clientset
}

func newWorld(t *testing.T, name string, nodes int32) *world {
	t.Helper()
	w := &world{T: t, nodes: map[string]*bitcoind{}, network: &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"}, Spec: v1.BitcoinNetworkSpec{Nodes: nodes}}}
	for _, node := range noderef.Nodes(w.network) {
		w.nodes[node.Pod] = &bitcoind{wallets: map[string]*wallet{}, ahead: map[string]*wire.MsgBlock{}, announced: map[chainhash.Hash]bool{}}
		w.network.Status.Nodes = append(w.network.Status.Nodes, v1.NodeStatus{Ordinal: int32(node.Ordinal), Ready: true, PodName: node.Pod, IP: "10.0.0.1"})
	}
	w.core = fake.NewClientset()
	w.client = &cluster.Client{Namespace: "ns", Networks: networks.NewClientset(w.network), Core: w.core, Pods: w, Poll: time.Millisecond, Forward: w.dial}
	for _, node := range noderef.Nodes(w.network) {
		w.addPod(node.Pod, "1", "10.0.0.1")
	}
	return w
}

func (w *world) first() *bitcoind { return w.nodes[w.network.Name+"-sts-0"] }

// dial serves the P2P port.
func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	pod, _, _ := strings.Cut(address, ".")
	b := w.nodes[pod]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rejected > 0 {
		b.rejected--
		return nil, errors.New("connection rejected")
	}
	near, far := net.Pipe()
	go b.serve(far)
	return near, nil
}

func (b *bitcoind) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the peer has gone
	out := make(chan wire.Message, 4096)
	defer close(out)
	go func() {
		for message := range out {
			if _, err := wire.WriteMessageWithEncodingN(conn, message, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding); err != nil {
				return
			}
		}
	}()
	for {
		_, message, _, err := wire.ReadMessageWithEncodingN(conn, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
		if err != nil || !b.answer(message, out) {
			return
		}
	}
}

// answer returns false to close the connection.
func (b *bitcoind) answer(message wire.Message, out chan<- wire.Message) bool {
	if _, ok := message.(*wire.MsgGetHeaders); ok {
		time.Sleep(b.slow)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch message := message.(type) {
	case *wire.MsgVersion:
		nobody := &wire.NetAddress{IP: net.IPv6zero}
		version := wire.NewMsgVersion(nobody, nobody, 1, int32(len(b.blocks)))
		version.UserAgent = "/sim/"
		out <- version
		out <- wire.NewMsgVerAck()
	case *wire.MsgPing:
		out <- wire.NewMsgPong(message.Nonce)
	case *wire.MsgHeaders:
		for _, header := range message.Headers {
			b.announced[header.BlockHash()] = true
		}
	case *wire.MsgGetHeaders:
		headers := wire.NewMsgHeaders()
		from := slices.IndexFunc(b.blocks, func(block *wire.MsgBlock) bool { return block.BlockHash() == *message.BlockLocatorHashes[0] }) + 1
		if from == 0 && b.announced[*message.BlockLocatorHashes[0]] { // it follows the best block
			from = len(b.blocks)
		}
		for _, block := range b.blocks[from:] {
			headers.Headers = append(headers.Headers, &block.Header)
		}
		out <- headers
	case *wire.MsgGetData:
		for _, item := range message.InvList {
			for _, block := range b.blocks {
				if block.BlockHash() == item.Hash {
					out <- block
				}
			}
		}
	case *wire.MsgBlock:
		b.ahead[message.Header.PrevBlock.String()] = message
		for next := b.ahead[b.best()]; next != nil; next = b.ahead[b.best()] {
			if len(b.blocks)+1 == b.loses {
				break
			}
			if len(b.blocks)+1 == b.rejects {
				return false
			}
			b.blocks = append(b.blocks, next)
		}
	}
	return true
}

// Exec implements cluster.Executor.
func (w *world) Exec(ctx context.Context, _, pod string, command []string, in io.Reader, out, errOut io.Writer) error {
	b := w.nodes[pod]
	b.mu.Lock()
	defer b.mu.Unlock()
	args := command[2:]
	if b.rejected > 0 {
		b.early++
	}
	b.calls = append(b.calls, strings.Join(args, " "))
	if args[0] == "-stdin" {
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		args = append(args[1:], strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	answer, code := b.call(args)
	if code != 0 {
		fmt.Fprintf(errOut, "error code: %d\nerror message:\n%v\n", code, answer)
		return exec.CodeExitError{Err: errors.New("exit"), Code: -code}
	}
	if text, ok := answer.(string); ok {
		_, err := fmt.Fprintln(out, text)
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}

// call returns the result, or the message and code of an error.
func (b *bitcoind) call(args []string) (any, int) {
	name, ofWallet := strings.CutPrefix(args[0], "-rpcwallet=")
	if ofWallet {
		if b.wallets[name] == nil {
			return "Requested wallet does not exist or is not loaded", -18
		}
		if args[1] == "importdescriptors" {
			b.imported = append(b.imported, len(b.blocks))
		}
		return b.wallets[name].call(args[1:])
	}
	switch args[0] {
	case "getbestblockhash":
		return b.best(), 0
	case "getmempoolinfo":
		return map[string]int{"size": b.mempool}, 0
	case "listwallets":
		names := []string{}
		for name := range b.wallets {
			names = append(names, name)
		}
		return names, 0
	case "listwalletdir":
		var list []map[string]string
		for _, name := range b.stored {
			list = append(list, map[string]string{"name": name})
		}
		return map[string]any{"wallets": list}, 0
	case "-named":
		name := strings.TrimPrefix(args[2], "wallet_name=")
		if b.wallets[name] != nil {
			return "Wallet file verification failed. Database already exists.", -4
		}
		b.wallets[name] = &wallet{balance: "0.00000000"}
		return map[string]string{}, 0
	case "loadwallet":
		return "already loaded", -35
	}
	return "Method not found", -32601
}

func (w *wallet) call(args []string) (any, int) {
	switch args[0] {
	case "getwalletinfo":
		return w.info, 0
	case "listdescriptors":
		if w.locked && args[1] == "true" {
			return "Please enter the wallet passphrase", -13
		}
		return map[string]any{"descriptors": w.descriptors}, 0
	case "listreceivedbyaddress":
		return w.labels, 0
	case "listlockunspent":
		return w.coins, 0
	case "getbalance":
		return w.balance, 0
	case "importdescriptors":
		if w.rescans > 0 {
			w.rescans--
			return "Wallet is currently rescanning. Abort existing rescan or wait.", -4
		}
		if err := json.Unmarshal([]byte(args[1]), &w.descriptors); err != nil {
			return err.Error(), -1
		}
		w.balance = "7.00000000"
		return []map[string]any{{"success": !strings.Contains(args[1], "bad"), "error": map[string]string{"message": "no"}}}, 0
	case "-named":
		w.labels = append(w.labels, archive.Label{Address: strings.TrimPrefix(args[2], "address="), Label: strings.TrimPrefix(args[3], "label=")})
		return "null", 0
	case "lockunspent":
		if err := json.Unmarshal([]byte(args[2]), &w.coins); err != nil {
			return err.Error(), -1
		}
		return "true", 0
	}
	return "Method not found", -32601
}
