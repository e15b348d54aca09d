//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// whitelist is what LND calls, and no more.
const whitelist = "estimatesmartfee,getblock,getblockchaininfo,getblockhash,getblockheader,getdeploymentinfo,getinfo,getmempoolinfo,getnetworkinfo," +
	"getpeerinfo,getrawmempool,getrawtransaction,gettxout,gettxspendingprevout,getzmqnotifications,sendrawtransaction,testmempoolaccept,uptime"

// bitcoind is a real one, on this machine.
type bitcoind struct {
	t       *testing.T
	program string
	dir     string
	backend api.Backend
	command *exec.Cmd
	exited  chan error
}

func newBitcoind(t *testing.T) *bitcoind {
	t.Helper()
	b := &bitcoind{t: t, program: testtools.Bitcoind(t), dir: t.TempDir()}
	b.start()
	return b
}

// start starts it at ports that it has not had before.
func (b *bitcoind) start() {
	b.t.Helper()
	b.backend = api.Backend{
		Host: "127.0.0.1", RPCPort: testtools.FreePort(b.t), User: "lightning", Password: bitcoindPassword,
		ZMQRawBlockPort: testtools.FreePort(b.t), ZMQRawTxPort: testtools.FreePort(b.t),
	}
	path := filepath.Join(b.dir, "bitcoin.conf")
	conf := fmt.Sprintf("regtest=1\nserver=1\ntxindex=1\nrpcauth=%s\nrpcauth=%s\nrpcwhitelistdefault=0\nrpcwhitelist=lightning:%s\n"+
		"[regtest]\nlisten=0\nrpcbind=127.0.0.1\nrpcallowip=127.0.0.1\nrpcport=%d\nzmqpubrawblock=tcp://127.0.0.1:%d\nzmqpubrawtx=tcp://127.0.0.1:%d\n",
		rpcauth.Value("lightning", bitcoindPassword, "salt"), rpcauth.Value("miner", "miner", "salt"), whitelist,
		b.backend.RPCPort, b.backend.ZMQRawBlockPort, b.backend.ZMQRawTxPort)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		b.t.Fatal(err)
	}
	arguments := []string{"-conf=" + path, "-datadir=" + b.dir, "-printtoconsole=0"}
	b.command = exec.Command(b.program, arguments...) //nolint:gosec,noctx // of this test, ended by stop
	b.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.command.Start(); err != nil {
		b.t.Fatal(err)
	}
	command, exited := b.command, make(chan error, 1)
	b.exited = exited
	go func() { exited <- command.Wait() }()
	b.t.Cleanup(b.stop)
	testtools.Eventually(b.t, "bitcoind answers", limit, func() error { return b.call("getblockcount", nil) })
}

func (b *bitcoind) stop() {
	if b.command == nil {
		return
	}
	_ = b.command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	select {
	case <-b.exited:
	case <-time.After(limit):
		_ = b.command.Process.Kill() //nolint:errcheck // the test fails already
		b.t.Error("bitcoind does not end")
	}
	b.command = nil
}

// polled is the backend without ZMQ.
func (b *bitcoind) polled() api.Backend {
	backend := b.backend
	backend.ZMQRawBlockPort, backend.ZMQRawTxPort = 0, 0
	return backend
}

func (b *bitcoind) call(method string, result any, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, fmt.Sprint("http://127.0.0.1:", b.backend.RPCPort), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth("miner", "miner")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	answer := struct{ Result, Error any }{Result: result}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Error != nil {
		return fmt.Errorf("%s: %w %v", method, err, answer.Error)
	}
	return nil
}

// mine mines blocks for an address.
func (b *bitcoind) mine(blocks int, address string) {
	b.t.Helper()
	if err := b.call("generatetoaddress", nil, blocks, address); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bitcoind) height() (height int64) {
	b.t.Helper()
	if err := b.call("getblockcount", &height); err != nil {
		b.t.Fatal(err)
	}
	return height
}
