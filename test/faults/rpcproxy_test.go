//go:build faults

package faults

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// rpcFaults are what happens to the operator's calls to nodes.
type rpcFaults struct {
	mu     sync.Mutex
	random *rand.Rand
	faults []rpcFault
}

type rpcFault struct {
	percent int
	until   time.Time
	kinds   []string
}

// fail lets one of the kinds happen to this percentage of the calls for some time, besides what happens already.
func (f *rpcFaults) fail(percent int, d time.Duration, kinds ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, rpcFault{percent, time.Now().Add(d), kinds})
}

func (f *rpcFaults) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// choose returns what becomes of a call, "" for nothing.
func (f *rpcFaults) choose() (kind string, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.faults {
		if time.Now().Before(fault.until) && f.random.IntN(100) < fault.percent {
			return fault.kinds[f.random.IntN(len(fault.kinds))], time.Duration(100+f.random.IntN(2900)) * time.Millisecond
		}
	}
	return "", 0
}

type rpcProxy struct{ server *http.Server }

func (p rpcProxy) close() { _ = p.server.Close() }

// proxied are the ports of a pod at which the operator calls it, with those of the programs behind them.
func (c *container) proxied() map[int]int {
	ports := map[int]int{v1.RPCPort: backendPort}
	if c.perPod > 0 {
		ports[api.Port] = backendSupervisor
		for slot := range c.perPod {
			n := node{c, slot}
			ports[n.port(v1.RPCPort)] = n.port(backendPort)
		}
	}
	return ports
}

// serveRPC answers at a port of a pod, as long as its container runs.
func serveRPC(w wire, port, backend int, faults *rpcFaults) (rpcProxy, error) {
	listener, err := w.listen(port)
	if err != nil {
		return rpcProxy{}, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		forward(out, in, fmt.Sprint(w.address, ":", backend), faults)
	})}
	go func() { _ = server.Serve(listener) }()
	return rpcProxy{server}, nil
}

func forward(out http.ResponseWriter, in *http.Request, address string, faults *rpcFaults) {
	kind, delay := faults.choose()
	body, err := io.ReadAll(in.Body)
	if err != nil || kind == "cut" {
		panic(http.ErrAbortHandler)
	}
	switch kind {
	case "full":
		http.Error(out, "Work queue depth exceeded", http.StatusServiceUnavailable)
		return
	case "garbage":
		_, _ = io.WriteString(out, `[{"id":0,"result":{"chain":"main","blocks":-1}}, <html>`)
		return
	case "slow":
		if !sleep(in.Context(), delay) {
			return
		}
	}
	// A call that bitcoind has begun is carried out even if the client has gone.
	request, err := http.NewRequest(in.Method, fmt.Sprintf("http://%s%s", address, in.URL.Path), bytes.NewReader(body)) //nolint:noctx // see above
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request.Header = in.Header.Clone()
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	got, err := io.ReadAll(answer.Body)
	if err != nil || kind == "lost" {
		panic(http.ErrAbortHandler)
	}
	if kind == "lie" {
		got = lie(body, got, int(delay/time.Millisecond))
		answer.Header.Del("Content-Length")
	}
	for key, values := range answer.Header {
		out.Header()[key] = values
	}
	out.WriteHeader(answer.StatusCode)
	if kind == "half" {
		_, _ = out.Write(got[:len(got)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = out.Write(got)
}
