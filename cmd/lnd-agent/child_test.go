//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"encoding/pem"
	"net"
)

// The program of these tests is also the agent, and an LND.
const (
	asAgent = "agent"
	asLND   = "lnd"
	// restVariable is the address of the LND's REST interface.
	restVariable = "REST"
)

func TestMain(m *testing.M) {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case asAgent:
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	case asLND:
		// An agent that fails the tests must leave no process behind, which would hold what it inherited open.
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
		runLND(option("--lnddir="), option("--configfile="))
	default:
		os.Exit(m.Run())
	}
}

func option(prefix string) string {
	for _, argument := range os.Args {
		if value, found := strings.CutPrefix(argument, prefix); found {
			return value
		}
	}
	return ""
}

// runLND is active until SIGTERM. A file in its directory states what else it does.
func runLND(dir, config string) {
	text, err := os.ReadFile(config) //nolint:gosec // the agent's
	check(err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "alias=") || strings.HasPrefix(line, "bitcoind.rpchost=") {
			fmt.Print("started with ", line)
		}
	}
	behaviour, err := os.ReadFile(filepath.Join(dir, "behaviour")) //nolint:gosec // this test's
	if err != nil {
		behaviour = nil
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM)
	switch string(behaviour) {
	case "fails":
		fmt.Println("2026-11-29 15:00:00.000 [INF] LTND: Shutdown complete")
		fmt.Println("missing address manager namespace")
		os.Exit(7)
	case "ignores SIGTERM":
		signal.Ignore(syscall.SIGTERM)
	case "ends on request":
		signal.Ignore(syscall.SIGTERM)
		go awaitFile(filepath.Join(dir, "end"), ends)
	}
	mux := http.NewServeMux()
	answer := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }) //nolint:errcheck // the client is gone
	}
	answer("/v1/state", `{"state":"SERVER_ACTIVE"}`)
	answer("/v1/getinfo", `{"alias":"alice","best_header_timestamp":"0"}`)
	server := httptest.NewUnstartedServer(mux)
	check(server.Listener.Close())
	server.Listener, err = net.Listen("tcp", os.Getenv(restVariable))
	check(err)
	server.StartTLS()
	check(os.MkdirAll(filepath.Join(dir, "data/chain/bitcoin/regtest"), 0o750))
	check(os.WriteFile(filepath.Join(dir, "data/chain/bitcoin/regtest/admin.macaroon"), []byte("the macaroon"), 0o600))
	check(os.WriteFile(filepath.Join(dir, "tls.cert"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	<-ends
	fmt.Println("ended by SIGTERM")
}

// awaitFile ends LND when a file exists.
func awaitFile(path string, ends chan<- os.Signal) {
	for range time.Tick(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			ends <- syscall.SIGTERM
			return
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
