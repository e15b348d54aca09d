//go:build linux

package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// stopTime is longer than a pass waits for an LND, and for a bitcoind.
	stopTime = stateTimeout + time.Second
	// stoppedNodes are those of each kind: a few answers may be read just before a timeout.
	stoppedNodes = 32
)

// An operator whose machine was paused has answers that it has not read. They are not overdue.
func TestAnswersAreReadAfterTheProcessWasStopped(t *testing.T) {
	if address := os.Getenv("STOPPED_PROCESS"); address != "" {
		askNodes(t, address)
		return
	}
	var asked atomic.Int32
	all, stopped := make(chan struct{}), make(chan struct{})
	var answered sync.WaitGroup
	answered.Add(2 * stoppedNodes)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer answered.Done()
		if asked.Add(1) == 2*stoppedNodes {
			close(all)
		}
		<-stopped
		if r.URL.Path == api.StatePath {
			_ = json.NewEncoder(w).Encode(api.State{Process: api.Running}) //nolint:errcheck // the client reports it
			return
		}
		body, err := bitcoindtest.Answer(r.Body, func(string, []any) (any, error) { return bitcoind.ChainInfo{Chain: "regtest", Blocks: 7}, nil })
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body) //nolint:errcheck // the client reports it
	}))
	defer server.Close()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // this program
	command.Env = append(os.Environ(), "STOPPED_PROCESS="+server.Listener.Addr().String())
	var output strings.Builder
	command.Stdout = &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		t.Fatalf("%d requests within 30s: %s", asked.Load(), output.String())
	}
	send(t, command.Process, syscall.SIGSTOP)
	close(stopped)
	answered.Wait()
	<-time.After(stopTime)
	send(t, command.Process, syscall.SIGCONT)
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if got, want := output.String(), "LND: <nil>, bitcoind: <nil>\n"; !strings.HasPrefix(got, want) {
		t.Errorf("after the stop it printed %q", got)
	}
}

func send(t *testing.T, process *os.Process, s syscall.Signal) {
	t.Helper()
	if err := process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// askNodes asks LNDs and bitcoinds at this address, in the process that is stopped, and prints the first errors.
func askNodes(t *testing.T, address string) {
	t.Helper()
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	r := &Reconciler{agents: api.NewClient(dial), rpc: bitcoind.NewClient(nil, dial), options: Options{
		Settings: resources.Settings{Credential: func(*v1.LightningNetwork) bitcoind.Credential { return bitcoind.Credential{} }},
		LND:      BitcoinCredential{Current: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{User: "lightning"} }},
	}}
	bitcoin, nodes, ordinals := &v1.BitcoinNetwork{}, make([]node, stoppedNodes), map[int]bool{}
	for i := range stoppedNodes {
		nodes[i].pod, ordinals[i] = runningPod(), true
		bitcoin.Status.Nodes = append(bitcoin.Status.Nodes, v1.NodeStatus{Ordinal: int32(i), Ready: true, IP: "192.0.2.2", RPCPort: v1.RPCPort}) //nolint:gosec // 32
	}
	var group sync.WaitGroup
	var bitcoins map[int]*bitcoinNode
	group.Go(func() { bitcoins = r.bitcoinNodes(t.Context(), bitcoin, ordinals) })
	r.observe(t.Context(), &v1.LightningNetwork{}, nodes)
	group.Wait()
	var lnds, bitcoinds error
	for i := range stoppedNodes {
		lnds, bitcoinds = cmp.Or(lnds, nodes[i].err), cmp.Or(bitcoinds, bitcoins[i].err)
	}
	fmt.Printf("LND: %v, bitcoind: %v\n", lnds, bitcoinds)
}
