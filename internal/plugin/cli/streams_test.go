package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestLogsOfAllNodesArePrinted(t *testing.T) {
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 1, Groups: []v1.Group{{Name: "old", Nodes: 1}}})
	// The fake clientset has this log for each pod.
	if got := w.works("logs", "net"); got != "net-sts-0      fake logs\nnet-old-sts-0  fake logs\n" && got != "net-old-sts-0  fake logs\nnet-sts-0      fake logs\n" {
		t.Errorf("it printed %q", got)
	}
	if got := w.works("logs", "net/1", "--grep", "f.k"); got != "net-old-sts-0  fake logs\n" {
		t.Errorf("of one node it printed %q", got)
	}
	if got := w.works("logs", "net", "--grep", "none"); got != "" {
		t.Errorf("it printed %q", got)
	}
	w.fails(exitInvalid, "not a regular expression", "logs", "net", "--grep", "(")
}

// safe is a buffer that a running command writes to.
type safe struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestConnectForwardsUntilItIsInterrupted(t *testing.T) {
	w := newWorld(t, v1.BitcoinNetworkSpec{Nodes: 2, Secret: "credentials"})
	w.forward = func(_ context.Context, _, address string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			_, _ = io.WriteString(far, address)
		}()
		return near, nil
	}
	out := w.running
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() { done <- w.runContext(ctx, "connect", "net", "--first-port", "0") }()
	if code := <-done; code != exitInvalid {
		t.Errorf("with a wrong port it ended with %d", code)
	}
	go func() { done <- w.runContext(ctx, "connect", "net", "--first-port", "29876") }()
	for !strings.Contains(out.String(), "electrs --conf") {
		time.Sleep(time.Millisecond)
	}
	match := regexp.MustCompile(`(?m)^net-sts-1  rpc (\S+)  p2p (\S+)$`).FindStringSubmatch(out.String())
	if match == nil {
		t.Fatalf("it printed %s", out)
	}
	conn, err := net.Dial("tcp", match[2])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "net-sts-1.ns:18444" {
		t.Errorf("the connection reached %q (%v)", got, err)
	}
	cancel()
	if code := <-done; code != 0 {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
	w.forward = func(context.Context, string, string) (net.Conn, error) {
		return nil, lacking("create", "pods/portforward")
	}
	w.fails(exitFailed, "no right to create pods/portforward", "connect", "net")
	w.forward = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	w.fails(exitFailed, "the node net-sts-0 does not answer: no route", "connect", "net")
}

// withoutForward is the cluster of a user who may not forward ports.
func withoutForward(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, three())
	w.forward = func(context.Context, string, string) (net.Conn, error) {
		return nil, lacking("create", "pods/portforward")
	}
	return w
}

func TestTrafficNeedsANodeThatAnswers(t *testing.T) {
	w := newWorld(t, three())
	w.forward = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	w.fails(exitFailed, "the node net-sts-0 does not answer: no route", "traffic", "net")
	w.forward = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		go func() { _, _ = io.WriteString(far, "HTTP/1.1 400 Bad Request\r\n\r\n"); far.Close() }()
		return near, nil
	}
	w.fails(exitFailed, "the node net-sts-0 does not answer: the node's P2P port: no message of bitcoind on regtest", "traffic", "net")
	w.fails(exitInvalid, "must not be negative", "traffic", "net", "--blocks", "-1s")
	w = withoutForward(t)
	if code := w.run("traffic", "net", "--txids", "file"); code != exitInvalid || !strings.Contains(w.err.String(), "--txids needs the right to forward ports") {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
}

func TestTrafficSendsBetweenTheNodes(t *testing.T) {
	w := withoutForward(t)
	var total struct{ Sent, Failed, Blocks int }
	if err := json.Unmarshal([]byte(w.works("traffic", "net", "--rate", "200/s", "--duration", "300ms", "--blocks", "50ms", "-o", "json")), &total); err != nil {
		t.Fatal(err)
	}
	if total.Sent < 10 || total.Failed > 0 || total.Blocks < 2 {
		t.Errorf("the total is %+v", total)
	}
	senders, receivers := map[string]bool{}, map[string]bool{}
	payment := regexp.MustCompile(`^(\S+) -rpcwallet=faucet -named sendtoaddress address=(\S+) amount=0\.00\d{6} fee_rate=\d+$`)
	for _, call := range w.nodes.calls {
		if match := payment.FindStringSubmatch(call); match != nil {
			senders[match[1]], receivers[match[2]] = true, true
			if match[2] == w.nodes.byPod[match[1]].faucetAddress() {
				t.Errorf("a node pays itself: %s", call)
			}
		}
	}
	if len(senders) != 3 || len(receivers) != 3 {
		t.Errorf("the senders are %v, the receivers %v", senders, receivers)
	}
	w.fails(exitInvalid, "is not a rate", "traffic", "net", "--rate", "fast")
	w.fails(exitInvalid, "is not a fee rate", "traffic", "net", "--fee", "0")
}

func TestTrafficCountsWhatFails(t *testing.T) {
	w := withoutForward(t)
	w.works("traffic", "net", "--rate", "100/s", "--duration", "50ms")
	w.nodes.failing["net-sts-1 -rpcwallet=faucet -named sendtoaddress"] = errors.New("connection lost")
	var total struct{ Sent, Failed int }
	if err := json.Unmarshal([]byte(w.works("traffic", "net", "--rate", "200/s", "--duration", "300ms", "-o", "json")), &total); err != nil {
		t.Fatal(err)
	}
	if total.Sent == 0 || total.Failed == 0 || strings.Count(w.err.String(), "connection lost") != 1 {
		t.Errorf("the total is %+v: %s", total, w.err.String())
	}
}

// A call that is under way when the time is over has sent its transaction.
func TestTrafficCountsWhatIsUnderWayAtTheEnd(t *testing.T) {
	w := withoutForward(t)
	w.nodes.slow = 40 * time.Millisecond
	var total struct{ Sent, Failed int }
	if err := json.Unmarshal([]byte(w.works("traffic", "net", "--rate", "200/s", "--duration", "100ms", "--blocks", "0", "-o", "json")), &total); err != nil {
		t.Fatal(err)
	}
	sent := -3 // the transactions that split the coins
	for _, at := range w.nodes.byPod {
		sent += len(at.mempool)
	}
	if total.Sent != sent || total.Failed > 0 || sent == 0 {
		t.Errorf("the total is %+v, and %d transactions were sent", total, sent)
	}
}
