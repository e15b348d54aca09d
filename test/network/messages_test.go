//go:build e2e

package network

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// message is a line of kubectl btcnet messages.
type message struct {
	From, To, Type string
	Bytes          int
	Details        []string
}

func TestThePluginShowsTheMessagesBetweenTwoNodes(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	p := env.plugin("bob", pluginRights)
	env.create(network("talk", 3))
	env.ready("talk", readyTimeout)
	env.mineAt("talk-sts-2", "1")
	if _, err := env.cli("talk-sts-1", "logging", `["mempool"]`); err != nil {
		t.Fatal(err)
	}
	command := p.Command("messages", "talk", "0", "1", "-o", "json", "--duration", "10m")
	out, err := command.StdoutPipe()
	if err == nil {
		command.Stderr = os.Stderr
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := messagesOf(t, out)
	env.eventually("the log to have the messages", readyTimeout, func() error { return env.logs("talk-sts-0", true) })
	env.blockBetween(lines, "talk-sts-0", "talk-sts-1")
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range lines { // until the command has ended
		continue
	}
	if err := command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	for pod, mempool := range map[string]bool{"talk-sts-0": false, "talk-sts-1": true} {
		if err := env.logs(pod, false); err != nil {
			t.Error(err)
		}
		if on, err := ask[map[string]bool](env, pod, "logging"); err != nil || on["mempool"] != mempool || on["cmpctblock"] {
			t.Errorf("the categories of %s are %v (%v)", pod, on, err)
		}
	}
}

// messagesOf parses the output of a command until it ends.
func messagesOf(t *testing.T, out io.Reader) <-chan message {
	lines := make(chan message)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			var m message
			if err := json.Unmarshal(scanner.Bytes(), &m); err != nil {
				t.Errorf("%s: %v", scanner.Text(), err)
			}
			lines <- m
		}
	}()
	return lines
}

// blockBetween mines blocks at a node until the messages have one of them that it announces to the other node, and checks that they
// are of these two nodes only. A node that has the block from a third one first gets no announcement.
func (env *testEnv) blockBetween(lines <-chan message, from, to string) {
	env.T.Helper()
	for deadline := time.Now().Add(readyTimeout); time.Now().Before(deadline); {
		best := env.mineAt(from, "1")
		for next := time.After(5 * time.Second); next != nil; {
			select {
			case m, open := <-lines:
				if !open {
					env.T.Fatal("the command ended before a block was announced")
				}
				if m.From != from && m.From != to || m.To == m.From || m.Type == "" {
					env.T.Errorf("the message is %+v", m)
				}
				if m.From == from && strings.Contains(strings.Join(m.Details, " "), best) {
					env.T.Logf("block %s came with %+v", best, m)
					return
				}
			case <-next:
				next = nil
			}
		}
	}
	env.T.Fatalf("%s announced none of its blocks to %s within %s", from, to, readyTimeout)
}

// logs returns an error unless the category net of a node's log is on, or off.
func (env *testEnv) logs(pod string, want bool) error {
	on, err := ask[map[string]bool](env, pod, "logging")
	if err == nil && on["net"] != want {
		err = fmt.Errorf("the category net of %s is %t", pod, on["net"])
	}
	return err
}

// hears returns an error unless the plugin is a peer of two nodes, by a loopback address.
func (env *testEnv) hears(name string) error {
	for _, peer := range env.get(name).Status.ForeignPeers {
		if strings.HasPrefix(peer.Version, "/kubectl-btcnet:") && len(peer.Nodes) == 2 && net.ParseIP(peer.Address).IsLoopback() {
			return nil
		}
	}
	return fmt.Errorf("the peers from outside are %+v", env.get(name).Status.ForeignPeers)
}

// A program that listens at nodes of both sides of a partition by port-forward bridges nothing.
func TestAPeerThroughAPortForwardLeavesTheNetworkReady(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	n := network("heard", 4)
	n.Spec.Partitions = []v1.Partition{{Nodes: []int32{0, 1}}}
	env.create(n)
	env.ready("heard", readyTimeout)
	dialer, err := tunnel.NewDialer(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	var peers []*p2p.Peer
	for _, pod := range []string{"heard-sts-0", "heard-sts-3"} {
		conn, err := dialer.DialContext(t.Context(), "tcp", pod+"."+env.namespace+":18444")
		if err != nil {
			t.Fatal(err)
		}
		peer, err := p2p.Dial(t.Context(), conn, p2p.Options{Services: wire.SFNodeNetwork})
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if err := peer.Send(t.Context(), wire.NewMsgSendHeaders()); err != nil {
			t.Fatal(err)
		}
		if headers, err := peer.Headers(t.Context(), p2p.Genesis()); err != nil || len(headers) > 0 {
			t.Fatalf("%d headers (%v)", len(headers), err)
		}
		peers = append(peers, peer)
	}
	env.eventually("the peers to be in the status", readyTimeout, func() error { return env.hears("heard") })
	if got := env.readiness("heard"); !strings.HasPrefix(got, "True") {
		t.Errorf("Ready is %s", got)
	}
	// Each hears of the blocks of its side only, and can get them.
	best := env.mineAt("heard-sts-1", "1")
	for {
		m, err := peers[0].Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if headers, ok := m.(*wire.MsgHeaders); ok && len(headers.Headers) == 1 && headers.Headers[0].BlockHash().String() == best {
			break
		}
	}
	if chain, err := peers[0].Chain(t.Context(), 10); err != nil || len(chain) != 1 {
		t.Errorf("the chain has %d blocks (%v)", len(chain), err)
	}
	if chain, err := peers[1].Chain(t.Context(), 10); err != nil || len(chain) != 0 {
		t.Errorf("the chain of the other side has %d blocks (%v)", len(chain), err)
	}
}
