//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// realPod is a pod whose nodes are the real bitcoind.
type realPod struct {
	*pod
	rpc int // the port of the first node
}

func newRealPod(t *testing.T, nodes int) realPod {
	t.Helper()
	program := testtools.Bitcoind(t)
	p := newPod(t, nodes, nil)
	p.program = []string{program}
	first := p.at.Port + 1
	p.write("bitcoin.conf", fmt.Sprintf(`regtest=1
datadir=%s/data
server=1
rest=1
printtoconsole=1
nodebuglogfile=1
rpcauth=%s

[regtest]
port=%d
listen=1
bind=$(POD_IPS)
rpcport=%d
rpcbind=$(POD_IP)
rpcallowip=127.0.0.0/8
zmqpubhashblock=tcp://$(POD_IP):%d
dbcache=4
discover=0
dnsseed=0
fixedseeds=0
listenonion=0
maxsigcachesize=0
natpmp=0
par=1
`, p.dir, rpcauth.Value(rpcauth.OperatorUser, password, "salt"), first+1, first, first+2))
	p.start()
	return realPod{p, first}
}

// call calls a node with the operator's credential.
func (p realPod) call(slot int, call bitcoind.Call) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	at := bitcoind.Endpoint{Host: "127.0.0.1", Port: p.rpc + 10*slot, User: rpcauth.OperatorUser, Password: password}
	return bitcoind.NewClient(nil, nil).Call(ctx, at, call)
}

func (p realPod) must(slot int, call bitcoind.Call) {
	p.t.Helper()
	if err := p.call(slot, call); err != nil {
		p.t.Fatalf("%s of node %d: %v\n%.4000s", call.Method, slot, err, p.output)
	}
}

// haveHeight waits until all nodes have so many blocks.
func (p realPod) haveHeight(nodes int, height int64) {
	p.t.Helper()
	for slot := range nodes {
		testtools.Eventually(p.t, fmt.Sprintf("node %d has %d blocks", slot, height), limit, func() error {
			var chain bitcoind.ChainInfo
			err := p.call(slot, bitcoind.GetBlockchainInfo(&chain))
			if err == nil && chain.Blocks != height {
				err = fmt.Errorf("it has %d", chain.Blocks)
			}
			return err
		})
	}
}

// pid of a node's process, as it writes that itself; 0 while it has not.
func (p realPod) pid(slot int) int {
	text, _ := os.ReadFile(filepath.Join(api.DataDir(p.dir+"/data", slot), "regtest", "bitcoind.pid")) //nolint:errcheck // "" without one
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))                                            //nolint:errcheck // 0 for none
	return pid
}

func TestRealNodesShareAPod(t *testing.T) {
	p := newRealPod(t, slots)
	p.untilReady()
	var publishers []bitcoind.Publisher
	p.must(2, bitcoind.GetPublishers(&publishers))
	if want := fmt.Sprintf("tcp://127.0.0.1:%d", p.rpc+2+10*2); len(publishers) != 1 || publishers[0].Address != want {
		t.Errorf("node 2 has the publishers %+v, want one at %s", publishers, want)
	}
	for slot := 1; slot < slots; slot++ {
		p.must(0, bitcoind.DialOnce(fmt.Sprintf("127.0.0.1:%d", p.rpc+1+10*slot)))
	}
	// A node without blocks asks one peer for them: what another one mined before their handshake stays there.
	testtools.Eventually(t, "all nodes are connected with node 0", limit, func() error {
		var peers []bitcoind.PeerInfo
		err := p.call(0, bitcoind.GetPeerInfo(&peers))
		if n := slices.IndexFunc(peers, func(peer bitcoind.PeerInfo) bool { return peer.Version == 0 }); err == nil && (len(peers) != slots-1 || n >= 0) {
			err = fmt.Errorf("its peers are %+v", peers)
		}
		return err
	})
	p.must(slots-1, bitcoind.Mine(1, "", new([]string)))
	p.haveHeight(slots, 1)

	// One is killed, and the others keep running.
	before := make([]int, slots)
	for slot := range before {
		before[slot] = p.pid(slot)
	}
	if before[1] == 0 || syscall.Kill(before[1], syscall.SIGKILL) != nil {
		t.Fatalf("the processes are %v", before)
	}
	testtools.Eventually(t, "the killed node answers again", limit, func() error {
		if now := p.pid(1); now == before[1] || now == 0 {
			return errors.New("it has not started again")
		}
		return p.call(1, bitcoind.GetBlockchainInfo(new(bitcoind.ChainInfo)))
	})
	for slot := range before {
		if now := p.pid(slot); slot != 1 && now != before[slot] {
			t.Errorf("node %d was the process %d, and is %d", slot, before[slot], now)
		}
	}
	nodes, err := p.nodes()
	if err != nil || nodes[1].Exits != 1 || nodes[1].LastExit.Signal != int(syscall.SIGKILL) {
		t.Errorf("%+v, %v", nodes, err)
	}
}

func TestRealNodesWriteTheirChainsAtTheEndOfTheirPod(t *testing.T) {
	p := newRealPod(t, slots)
	p.untilReady()
	for slot := range slots {
		for range slot + 1 {
			p.must(slot, bitcoind.Mine(slot, "", new([]string)))
		}
	}
	p.stop()
	if done := strings.Count(p.output.String(), "Shutdown: done"); done != slots || strings.Contains(p.output.String(), "is killed") {
		t.Errorf("%d of %d nodes ended in order\n%.4000s", done, slots, p.output)
	}
	p.start()
	p.untilReady()
	for slot := range slots {
		testtools.Eventually(t, fmt.Sprintf("the chain of node %d", slot), limit, func() error {
			var chain bitcoind.ChainInfo
			err := p.call(slot, bitcoind.GetBlockchainInfo(&chain))
			if err == nil && chain.Blocks != int64(slot+1) {
				err = fmt.Errorf("it has %d blocks, and had %d", chain.Blocks, slot+1)
			}
			return err
		})
	}
	// A node that is removed and added again has its chain, and without its data none.
	for revision, forget := range []bool{false, true} {
		if err := p.set(api.Target{Nodes: 1, Revision: int64(2 + 2*revision), Forget: forget, Before: slots}); err != nil {
			t.Fatal(err)
		}
		p.until("1 node", running(1))
		if err := p.set(api.Target{Nodes: slots, Revision: int64(3 + 2*revision)}); err != nil {
			t.Fatal(err)
		}
		testtools.Eventually(t, "the chain of the last node", limit, func() error {
			var chain bitcoind.ChainInfo
			err := p.call(slots-1, bitcoind.GetBlockchainInfo(&chain))
			if err == nil && (chain.Blocks == slots) == forget {
				err = fmt.Errorf("it has %d blocks", chain.Blocks)
			}
			return err
		})
	}
}

func TestTheErrorOfARealNodeIsReported(t *testing.T) {
	program := testtools.Bitcoind(t)
	p := newPod(t, 2, nil)
	// A file where its directory would be.
	p.write("data/nodes/1/regtest", "")
	p.program = []string{program}
	p.write("bitcoin.conf", fmt.Sprintf("regtest=1\ndatadir=%s/data\nserver=1\nrest=1\nprinttoconsole=1\nrpcauth=%s\n\n[regtest]\nlisten=0\nrpcport=%d\n", p.dir,
		rpcauth.Value(rpcauth.OperatorUser, password, "salt"), p.at.Port+1))
	p.start()
	p.until("the node has failed, and the other one runs", func(nodes []api.Node) bool {
		return len(nodes) == 2 && nodes[0].Running && nodes[1].LastExit != nil
	})
	nodes, err := p.nodes()
	if err != nil {
		t.Fatal(err)
	}
	if exit := nodes[1].LastExit; exit.Code != 1 || !strings.Contains(exit.Output, "data/nodes/1") {
		t.Errorf("the exit is %+v\n%.4000s", exit, p.output)
	}
}
