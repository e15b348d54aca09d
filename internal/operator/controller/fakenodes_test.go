package controller

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// errFake is an error that a fake node returns.
var errFake = errors.New("fake error")

// nodeHandler returns the result of one call to a fake node. A nil handler never answers.
type nodeHandler func(method string, params []any) (any, error)

// fakeNodes are bitcoinds without a network, for tests with a fake clock: synctest does not know when a socket is idle.
type fakeNodes struct {
	mu       sync.Mutex
	handlers map[string]nodeHandler
	dead     map[string]bool
	// busy nodes answer no call, because all their threads are taken, and flooded nodes reject every call.
	busy, flooded map[string]bool
	trips         map[int]int
	requeued      []types.NamespacedName
}

func newFakeNodes() *fakeNodes {
	return &fakeNodes{
		handlers: map[string]nodeHandler{}, dead: map[string]bool{}, busy: map[string]bool{}, flooded: map[string]bool{}, trips: map[int]int{},
	}
}

func (f *fakeNodes) answer(node int, h nodeHandler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers[address(node)], f.dead[address(node)] = h, false
}

// kill makes a node reject connections.
func (f *fakeNodes) kill(node int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead[address(node)] = true
}

// occupy takes all RPC threads of a node, or with flood also fills its queue, until free.
func (f *fakeNodes) occupy(node int, flood bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy[address(node)], f.flooded[address(node)] = !flood, flood
}

func (f *fakeNodes) free(node int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy[address(node)], f.flooded[address(node)] = false, false
}

// calls are the round trips so far, by node.
func (f *fakeNodes) calls() map[int]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.trips)
}

func (f *fakeNodes) requeues() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requeued)
}

func (f *fakeNodes) client(t *testing.T) *nodeClient {
	t.Helper()
	return &nodeClient{
		rpc: bitcoind.NewClient(nil, f.dial), credential: testCredential, now: time.Now,
		requeue: func(key types.NamespacedName) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.requeued = append(f.requeued, key)
		},
	}
}

func (f *fakeNodes) dial(_ context.Context, _, at string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead[host] {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	go f.serve(host, server)
	return client, nil
}

// serve answers one HTTP request.
func (f *fakeNodes) serve(host string, conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a pipe
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	f.mu.Lock()
	busy, flooded, hangs := f.busy[host], f.flooded[host], f.handlers[host] == nil
	f.mu.Unlock()
	switch {
	case request.Method == http.MethodGet && !hangs:
		respond(conn, http.StatusNotFound, nil)
		return
	case flooded:
		respond(conn, http.StatusServiceUnavailable, []byte("Work queue depth exceeded"))
		return
	case request.Method == http.MethodGet, busy:
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	f.mu.Lock()
	handle := f.handlers[host]
	for node := range 10 {
		if address(node) == host {
			f.trips[node]++
		}
	}
	f.mu.Unlock()
	if handle == nil {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	body, err := bitcoindtest.Answer(request.Body, bitcoindtest.Handler(handle))
	if err != nil {
		return
	}
	respond(conn, http.StatusOK, body)
}

func respond(conn net.Conn, status int, body []byte) {
	response := http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
	_ = response.Write(conn)
}

// healthyNode answers the calls of a probe.
func healthyNode(method string, _ []any) (any, error) {
	switch method {
	case "getnetworkinfo":
		return map[string]any{"subversion": "/Satoshi:29.0.0/"}, nil
	case "getblockchaininfo":
		return map[string]any{"chain": "regtest", "blocks": 3, "bestblockhash": strings.Repeat("0a", 32)}, nil
	default:
		return []any{}, nil
	}
}

// withAddresses gives nodes running pods.
func withAddresses(nodes []node) []node {
	for i := range nodes {
		pod := &corev1.Pod{}
		pod.UID, pod.Status.PodIP = types.UID(address(i)), address(i)
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{
			{Name: resources.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
		}
		nodes[i].pod = pod
	}
	return nodes
}

// inBubble runs a test with a fake clock, until all background calls have ended.
func inBubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t)
		time.Sleep(time.Minute)
	})
}
