package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// block is one of a simulated chain.
type block struct {
	hash, previous, address string
	height                  int64
	txs                     []string
}

// nodes stand in for the pods of a network: an Executor that answers as bitcoin-cli does. All nodes of a side have the blocks of each
// other at once.
type nodes struct {
	mu     sync.Mutex
	blocks map[string]*block
	byPod  map[string]*node
	// calls are the arguments of each call, after the pod.
	calls []string
	// failing are errors instead of an answer, by the beginning of a call.
	failing map[string]error
	// once are the answers to the next call that begins so.
	once map[string]func(*node) (code int, message string)
	// before is called before each answer, with the pod and the call.
	before func(text string)
	// slow is how long the answer to a payment takes, which is then lost if the caller has given up.
	slow time.Duration
	// crossing reports whether two nodes are connected.
	crossing func(a, b *node) bool
	next     int
	// together counts the streams for all nodes of a pod. The pods of an earlier release have none.
	together atomic.Int32
	earlier  bool
	// logging has the categories of the logs, by pod.
	logging map[string]map[string]bool
}

type node struct {
	pod, ip string
	ordinal int
	// started is when bitcoind started.
	started time.Time
	best    string
	invalid []string
	mempool []string
	// wallet: none, on disk or loaded.
	exists, loaded, keys, labelled bool
	addresses                      int
	spent                          int64 // satoshis
	sent                           []map[string]string
	inactive                       bool
}

const genesis = "genesis"

func newNodes(pods ...string) *nodes {
	n := &nodes{blocks: map[string]*block{genesis: {hash: genesis}}, byPod: map[string]*node{}, failing: map[string]error{}, once: map[string]func(*node) (int, string){}, crossing: func(_, _ *node) bool { return true }}
	for i, pod := range pods {
		n.byPod[pod] = &node{pod: pod, ordinal: i, best: genesis, ip: ipOf(pods, i), started: time.Now().Add(-time.Hour)}
	}
	return n
}

// Exec implements cluster.Executor.
func (n *nodes) Exec(ctx context.Context, _, pod string, command []string, in io.Reader, out, errOut io.Writer) error {
	if command[0] != "bitcoin-cli" {
		return n.callsIn(ctx, pod, in, out, errOut)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	args := command[2:]
	text := strings.Join(args, " ")
	if slot, packed := strings.CutPrefix(command[1], "-conf=/nodes/"); packed {
		pod += "/" + strings.TrimSuffix(slot, "/bitcoin.conf")
	}
	n.calls = append(n.calls, pod+" "+text)
	for call, err := range n.failing {
		if strings.HasPrefix(pod+" "+text, call) {
			return err
		}
	}
	if n.before != nil {
		n.before(pod + " " + text)
	}
	at := n.byPod[pod]
	if at == nil {
		return fmt.Errorf("no pod %s", pod)
	}
	if in != nil {
		data, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		args = append(args, strings.Fields(string(data))...)
	}
	answer, code, message := n.answerOnce(at, text, args)
	if n.slow > 0 && strings.Contains(text, "sendtoaddress") {
		time.Sleep(n.slow)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if code != 0 {
		fmt.Fprintf(errOut, "error code: %d\nerror message:\n%s\n", code, message)
		return exec.CodeExitError{Err: fmt.Errorf("exit %d", -code), Code: -code & 0xff}
	}
	fmt.Fprintln(out, answer)
	return nil
}

func toJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (n *nodes) answerOnce(at *node, text string, args []string) (string, int, string) {
	for call, answer := range n.once {
		if strings.HasPrefix(at.pod+" "+text, call) {
			delete(n.once, call)
			code, message := answer(at)
			return "", code, message
		}
	}
	return n.answer(at, args)
}

// answer returns what bitcoind does: a result, or an error's code and message.
func (n *nodes) answer(at *node, args []string) (string, int, string) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if strings.HasPrefix(args[0], "-rpcwallet=") && !at.loaded {
			return "", -18, "Requested wallet does not exist or is not loaded"
		}
		args = args[1:]
	}
	best := n.blocks[at.best]
	switch args[0] {
	case "getblockcount":
		return strconv.FormatInt(best.height, 10), 0, ""
	case "getbestblockhash":
		return best.hash, 0, ""
	case "getblockchaininfo":
		return toJSON(map[string]any{"blocks": best.height, "headers": best.height, "bestblockhash": best.hash}), 0, ""
	case "getblockheader":
		b, confirmations := n.blocks[args[1]], int64(-1)
		if b.height <= best.height && n.ancestor(best, b.height) == b {
			confirmations = best.height - b.height + 1
		}
		return toJSON(map[string]any{"height": b.height, "confirmations": confirmations}), 0, ""
	case "getblockhash":
		height, _ := strconv.ParseInt(args[1], 10, 64)
		if height > best.height {
			return "", -8, "Block height out of range"
		}
		return n.ancestor(best, height).hash, 0, ""
	case "getchaintips":
		return toJSON(n.tips(at)), 0, ""
	case "getpeerinfo":
		return toJSON(n.peers(at)), 0, ""
	case "generatetoaddress":
		return n.generate(at, args)
	case "generateblock":
		mempool := at.mempool
		at.mempool = nil
		answer, code, message := n.generate(at, []string{"", "1", args[1]})
		at.mempool = mempool
		return answer, code, message
	case "invalidateblock":
		at.invalid = append(at.invalid, args[1])
		n.disconnect(at)
		return "", 0, ""
	case "reconsiderblock":
		valid := n.blocks[args[1]]
		at.invalid = slices.DeleteFunc(at.invalid, func(hash string) bool { return n.ancestor(n.blocks[hash], valid.height) == valid })
		n.activateBest(at)
		return "", 0, ""
	case "setnetworkactive":
		at.inactive = args[1] == "false"
		n.sync()
		return args[1], 0, ""
	case "getconnectioncount":
		return strconv.Itoa(len(n.peers(at))), 0, ""
	}
	return n.answerProcess(at, args)
}

// answerProcess is answer for the calls that concern the process alone.
func (n *nodes) answerProcess(at *node, args []string) (string, int, string) {
	switch args[0] {
	case "logging":
		return n.log(at, args)
	case "uptime":
		return strconv.Itoa(int(time.Since(at.started).Seconds())), 0, ""
	case "stop":
		at.started = time.Now()
		return "Bitcoin stopping", 0, ""
	case "echo":
		return strings.Join(args[1:], " "), 0, ""
	}
	return n.answerWallet(at, args)
}

func (n *nodes) peers(at *node) []map[string]any {
	peers := []map[string]any{}
	for _, other := range n.byPod {
		if other != at && n.connected(at, other) {
			peers = append(peers, connectionOf(at, other))
		}
	}
	return peers
}

// connectionOf is what a node reports of its connection with another one, which the one with the lower ordinal has opened.
func connectionOf(at, other *node) map[string]any {
	listening := func(n *node) string { return fmt.Sprintf("%s:%d", n.ip, noderef.At(n.pod).Port(18444)) }
	opened := func(a, b *node) string { return fmt.Sprintf("%s:%d", a.ip, 40000+100*a.ordinal+b.ordinal) }
	answer := map[string]any{"id": other.ordinal, "version": 70016, "subver": "/sim\u001b[2J/"}
	if at.ordinal < other.ordinal {
		answer["addr"], answer["addrbind"], answer["inbound"] = listening(other), opened(at, other), false
	} else {
		answer["addr"], answer["addrbind"], answer["inbound"] = opened(other, at), listening(at), true
	}
	return answer
}

func (n *nodes) connected(a, b *node) bool {
	return !a.inactive && !b.inactive && n.crossing(a, b)
}

// sync gives each node the best chain of those that it is connected with.
func (n *nodes) sync() {
	for range n.byPod {
		for _, a := range n.byPod {
			for _, b := range n.byPod {
				if a != b && n.connected(a, b) && n.blocks[b.best].height > n.blocks[a.best].height && !n.rejects(a, b.best) {
					a.best = b.best
				}
			}
		}
	}
}

func (n *nodes) rejects(at *node, hash string) bool {
	for ; hash != ""; hash = n.blocks[hash].previous {
		if slices.Contains(at.invalid, hash) {
			return true
		}
	}
	return false
}
