package bitcoindtest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

// start starts a node on an address that no other process uses.
func start(t *testing.T, nodes *Nodes) *Node {
	t.Helper()
	node, err := nodes.StartAnywhere(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nodes.Stop(node.Address) })
	return node
}

func call(t *testing.T, node *Node, calls ...bitcoind.Call) []error {
	t.Helper()
	errs, err := bitcoind.NewClient(nil, nil).Batch(t.Context(), bitcoind.Endpoint{Host: node.Address}, calls)
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

func height(t *testing.T, node *Node) int64 {
	t.Helper()
	var info bitcoind.ChainInfo
	if err := errors.Join(call(t, node, bitcoind.GetBlockchainInfo(&info))...); err != nil {
		t.Fatal(err)
	}
	return info.Blocks
}

func TestAConnectionShowsAtBothEndsAndPassesBlocksOn(t *testing.T) {
	nodes := New()
	a, b := start(t, nodes), start(t, nodes)
	var hashes []string
	var peersOfA, peersOfB []bitcoind.PeerInfo
	if err := errors.Join(call(t, a, bitcoind.Mine(0, "", &hashes), bitcoind.AddNode(b.Address), bitcoind.GetPeerInfo(&peersOfA))...); err != nil {
		t.Fatal(err)
	}
	call(t, b, bitcoind.GetPeerInfo(&peersOfB))
	if len(peersOfA) != 1 || len(peersOfB) != 1 || peersOfA[0].Inbound || !peersOfB[0].Inbound {
		t.Fatalf("peers %v and %v", peersOfA, peersOfB)
	}
	if got := height(t, b); got != 1 {
		t.Errorf("the other node has %d blocks, want 1", got)
	}
	call(t, b, bitcoind.DisconnectNode(peersOfB[0].ID))
	call(t, a, bitcoind.GetPeerInfo(&peersOfA), bitcoind.Mine(0, "", &hashes))
	if len(peersOfA) != 0 || height(t, b) != 1 {
		t.Errorf("peers %v, height %d after the connection was closed", peersOfA, height(t, b))
	}
}

func TestNodesMineTheSameBlockWithTheSameScriptAndTime(t *testing.T) {
	nodes := New()
	nodes.Now = func() time.Time { return time.Unix(genesisTime, 0).Add(time.Hour) }
	a, b := start(t, nodes), start(t, nodes)
	var ofA, ofB, other []string
	call(t, a, bitcoind.Mine(0, "", &ofA))
	call(t, b, bitcoind.Mine(0, "", &ofB))
	if ofA[0] != ofB[0] {
		t.Errorf("%v and %v differ", ofA, ofB)
	}
	call(t, a, bitcoind.Mine(0, "", &ofA))
	call(t, b, bitcoind.Mine(1, "", &other))
	if ofA[0] == other[0] {
		t.Errorf("two scripts give the same block %v", other)
	}
}

func TestBlocksAreNotFurtherInTheFutureThanTwoHours(t *testing.T) {
	nodes := New()
	nodes.Now = func() time.Time { return time.Unix(genesisTime, 0) }
	node := start(t, nodes)
	if _, err := node.Call("generatetodescriptor", 7200, "raw(51)"); err != nil {
		t.Fatal(err)
	}
	var failed error
	for range 14 {
		if _, failed = node.Call("generatetodescriptor", 7200, "raw(51)"); failed != nil {
			break
		}
	}
	if failed == nil {
		t.Error("blocks are mined without end")
	}
}

func TestFaults(t *testing.T) {
	nodes := New()
	node := start(t, nodes)
	client := bitcoind.NewClient(nil, nil)
	var info bitcoind.NetworkInfo
	ask := func() error {
		return client.Call(t.Context(), bitcoind.Endpoint{Host: node.Address}, bitcoind.GetNetworkInfo(&info))
	}

	node.Handle("getnetworkinfo", func(string, []any) (any, error) {
		return nil, &bitcoind.RPCError{Code: bitcoind.CodeInWarmup, Message: "Loading"}
	})
	var rpc *bitcoind.RPCError
	if err := ask(); !errors.As(err, &rpc) || rpc.Code != bitcoind.CodeInWarmup {
		t.Errorf("handler: %v", err)
	}
	node.Handle("getnetworkinfo", nil)
	node.Respond(http.StatusUnauthorized)
	if err := ask(); !errors.Is(err, bitcoind.ErrUnauthorized) {
		t.Errorf("status 401: %v", err)
	}
	node.Respond(0)
	resume := node.Hang()
	answered := make(chan error)
	go func() { answered <- ask() }()
	select {
	case err := <-answered:
		t.Errorf("a node that hangs answers: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	resume()
	if err := <-answered; err != nil || node.Calls("getnetworkinfo") != 2 {
		t.Errorf("after it: %v, %d calls", err, node.Calls("getnetworkinfo"))
	}
}

func TestANodeThatIsStoppedHasNoPeersAndKeepsItsBlocks(t *testing.T) {
	nodes := New()
	a, b := start(t, nodes), start(t, nodes)
	var hashes []string
	var peers []bitcoind.PeerInfo
	call(t, b, bitcoind.Mine(0, "", &hashes))
	call(t, a, bitcoind.AddNode(b.Address))
	chain := nodes.Stop(b.Address)
	call(t, a, bitcoind.GetPeerInfo(&peers))
	if len(chain) != 1 || len(peers) != 0 {
		t.Fatalf("blocks %v, peers %v", chain, peers)
	}
	again, err := nodes.Start(b.Address, chain)
	if err != nil {
		t.Fatal(err)
	}
	call(t, a, bitcoind.GetPeerInfo(&peers))
	if len(peers) != 1 || height(t, again) != 1 {
		t.Errorf("after it started again: peers %v, height %d", peers, height(t, again))
	}
}
