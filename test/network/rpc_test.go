//go:build e2e

package network

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
)

// Each call of the operator, sent by its client to bitcoind itself, through the port-forward that it uses outside a cluster.
func TestTheClientAndBitcoindUnderstandEachOther(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	const password = "alice of rpc 1b7e"
	env.secret("users", "alice", password)
	n := network("called", 2)
	n.Spec.Secret = "users"
	env.create(n)
	env.ready("called", readyTimeout)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dialer, err := tunnel.NewDialer(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	client := bitcoind.NewClient(nil, dialer.DialContext)
	pod, err := cluster.Core.CoreV1().Pods(env.namespace).Get(ctx, "called-sts-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := bitcoind.Endpoint{Host: tunnel.Host(pod), User: "alice", Password: password}

	c := rpcTest{env, ctx, client, at}
	c.answersEveryCall()
	c.connectionComesBack()
	c.failuresAreDistinguished()
	env.ready("called", readyTimeout)
}

// rpcTest calls the first of the two nodes of a network.
type rpcTest struct {
	*testEnv
	ctx    context.Context
	client *bitcoind.Client
	at     bitcoind.Endpoint
}

func (c rpcTest) answersEveryCall() {
	c.Helper()
	var info bitcoind.NetworkInfo
	var chain bitcoind.ChainInfo
	var peers []bitcoind.PeerInfo
	var added []bitcoind.AddedNode
	var genesis, mined, mined2 = "", []string{}, []string{}
	const absent = "192.0.2.1" // reserved for documentation: no host has it
	calls := []bitcoind.Call{
		bitcoind.GetNetworkInfo(&info), bitcoind.GetBlockchainInfo(&chain), bitcoind.GetPeerInfo(&peers), bitcoind.GetBlockHash(0, &genesis),
		bitcoind.AddNode(absent), bitcoind.AddNode(absent), bitcoind.GetAddedNodeInfo(&added), bitcoind.RemoveNode(absent), bitcoind.RemoveNode(absent),
		bitcoind.DisconnectNode(1 << 30), bitcoind.Mine(0, "", &mined), bitcoind.Mine(0, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", &mined2),
		bitcoind.GetBlockHash(1_000_000, new(string)),
	}
	errs, err := c.client.Batch(c.ctx, c.at, calls)
	if err != nil {
		c.Fatal(err)
	}
	codes := make([]int, len(errs))
	for i, err := range errs {
		var rejected *bitcoind.RPCError
		if errors.As(err, &rejected) {
			codes[i] = rejected.Code
		}
	}
	want := []int{0, 0, 0, 0, 0, bitcoind.CodeNodeAlreadyAdded, 0, 0, bitcoind.CodeNodeNotAdded, bitcoind.CodeNodeNotConnected, 0, 0, -8}
	if !slices.Equal(codes, want) {
		c.Errorf("error codes %v, want %v: %v", codes, want, errs)
	}
	for _, i := range []int{5, 8, 9} {
		if !bitcoind.AlreadySo(errs[i]) {
			c.Errorf("%s: %v is not treated as a race that another client has won", calls[i].Method, errs[i])
		}
	}
	if info.Version < 10_000 || info.Subversion == "" || chain.Chain != "regtest" || chain.BestBlockHash != genesis || len(genesis) != 64 {
		c.Errorf("info %+v, chain %+v, genesis %s", info, chain, genesis)
	}
	if len(peers) == 0 || peers[0].Addr == "" || peers[0].Version == 0 {
		c.Errorf("peers %+v", peers)
	}
	if !slices.ContainsFunc(added, func(a bitcoind.AddedNode) bool { return a.AddedNode == absent }) || len(mined) != 1 || len(mined2) != 1 {
		c.Errorf("added %+v, mined %v and %v", added, mined, mined2)
	}
}

// connectionComesBack ends a live connection, which one dial brings back.
func (c rpcTest) connectionComesBack() {
	c.Helper()
	var peers []bitcoind.PeerInfo
	if err := c.client.Call(c.ctx, c.at, bitcoind.GetPeerInfo(&peers)); err != nil || len(peers) == 0 {
		c.Fatalf("peers %+v, %v", peers, err)
	}
	gone := func(id int64) error {
		if err := c.client.Call(c.ctx, c.at, bitcoind.GetPeerInfo(&peers)); err != nil {
			return err
		}
		if slices.ContainsFunc(peers, func(p bitcoind.PeerInfo) bool { return p.ID == id }) {
			return errors.New("the connection lives")
		}
		return nil
	}
	id := peers[0].ID
	if err := c.client.Call(c.ctx, c.at, bitcoind.DisconnectNode(id)); err != nil {
		c.Fatal(err)
	}
	c.eventually("the connection to end", time.Minute, func() error { return gone(id) })
	if err := c.client.Call(c.ctx, c.at, bitcoind.DialOnce(c.addresses("called", 2)[1])); err != nil {
		c.Error(err)
	}
}

func (c rpcTest) failuresAreDistinguished() {
	c.Helper()
	at := c.at
	var info bitcoind.NetworkInfo
	nobody := at
	nobody.Port = 1
	var away *bitcoind.UnreachableError
	if err := c.client.Call(c.ctx, nobody, bitcoind.GetNetworkInfo(&info)); !errors.As(err, &away) {
		c.Errorf("a port where nobody listens gives %v", err)
	}
	nobody.Host = "called-sts-7." + c.namespace
	if err := c.client.Call(c.ctx, nobody, bitcoind.GetNetworkInfo(&info)); !errors.As(err, &away) || !strings.Contains(err.Error(), "called-sts-7") {
		c.Errorf("a pod that does not exist gives %v", err)
	}
	at.Password = "wrong"
	if err := c.client.Call(c.ctx, at, bitcoind.GetNetworkInfo(&info)); !errors.Is(err, bitcoind.ErrUnauthorized) {
		c.Errorf("a wrong password gets %v", err)
	}
}
