package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// packed simulates the supervisor of a pod with several nodes, and keeps their chains.
type packed struct {
	bitcoinds *bitcoindtest.Nodes
	// ordinal of the pod in its StatefulSet, and perPod how many nodes a pod has.
	ordinal, perPod int

	mu     sync.Mutex
	server *http.Server
	// address of the pod; "" while it does not run.
	address string
	target  api.Target
	nodes   map[int]*api.Node
	chains  map[int][]bitcoindtest.Block
	// failing nodes end at once whenever they are started.
	failing map[int]bool
	// forgotten are the slots whose data was deleted.
	forgotten []int
}

// newPacked returns the supervisor of a pod whose group has a ConfigMap with its number of nodes; nil for a pod with one node.
func newPacked(bitcoinds *bitcoindtest.Nodes, pod string, slots *corev1.ConfigMap, chains map[int][]bitcoindtest.Block) (*packed, error) {
	if slots == nil {
		return nil, nil
	}
	var err error
	number := func(text string) int {
		value, failed := strconv.Atoi(text)
		if failed != nil {
			err = failed
		}
		return value
	}
	p := &packed{
		bitcoinds: bitcoinds, ordinal: number(pod[strings.LastIndex(pod, "-")+1:]), perPod: number(slots.Data[api.NodesPerPodKey]),
		target: api.Target{Nodes: number(slots.Data[api.NodesKey]), Revision: int64(number(slots.Data[api.RevisionKey]))},
		nodes:  map[int]*api.Node{}, chains: chains, failing: map[int]bool{},
	}
	if p.chains == nil {
		p.chains = map[int][]bitcoindtest.Block{}
	}
	return p, err
}

// start the container on a loopback address that is free.
func (p *packed) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.address != "" {
		return nil
	}
	address := fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // an address
	listener, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(api.Port)))
	if err != nil {
		return err
	}
	p.address, p.nodes = address, map[int]*api.Node{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.NodesPath, p.handleNodes)
	mux.HandleFunc("POST "+api.NodesPath, p.handleTarget)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(listener) //nolint:errcheck // it ends with stop
	return p.converge()
}

// stop the container.
func (p *packed) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.address == "" {
		return
	}
	for slot := range p.nodes {
		p.end(slot)
	}
	p.server.Close() //nolint:errcheck // no caller is left
	p.address = ""
}

// converge starts and ends nodes as the target has it. The caller holds the lock, as for the functions below.
func (p *packed) converge() error {
	share := min(max(p.target.Nodes-p.ordinal*p.perPod, 0), p.perPod)
	for slot := range p.nodes {
		if slot >= share {
			p.end(slot)
			delete(p.nodes, slot)
		}
	}
	before := min(max(p.target.Before-p.ordinal*p.perPod, 0), p.perPod)
	for slot := range p.chains {
		if slot >= share && slot < before && p.target.Forget {
			p.forgotten = append(p.forgotten, slot)
			delete(p.chains, slot)
		}
	}
	for slot := range share {
		if p.nodes[slot] == nil {
			p.nodes[slot] = &api.Node{Slot: slot}
		}
		if err := p.begin(slot); err != nil {
			return err
		}
	}
	return nil
}

func (p *packed) begin(slot int) error {
	n := p.nodes[slot]
	if n.Running {
		return nil
	}
	if p.failing[slot] {
		n.Started, n.Exits, n.Since = n.Started+3, n.Exits+3, time.Now()
		n.LastExit = &api.Exit{Code: 1, At: n.Since, Output: "Error: Failed to load the chain"}
		return nil
	}
	if _, err := p.bitcoinds.StartSlot(p.address, slot, p.chains[slot]); err != nil {
		return err
	}
	n.Started, n.Running, n.Since = n.Started+1, true, time.Now()
	return nil
}

func (p *packed) end(slot int) {
	if n := p.nodes[slot]; n.Running {
		p.chains[slot] = p.bitcoinds.StopSlot(p.address, slot)
		n.Running, n.Since = false, time.Now()
	}
}

// kill ends the process of a node. It starts again at once, unless it fails.
func (p *packed) kill(slot int, fails bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(slot)
	n := p.nodes[slot]
	n.Exits++
	n.LastExit = &api.Exit{Code: 137, Signal: 9, At: time.Now()}
	p.failing[slot] = fails
	return p.begin(slot)
}

// repair starts a node that failed.
func (p *packed) repair(slot int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing[slot] = false
	return p.begin(slot)
}

func (p *packed) handleNodes(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]api.Node, 0, len(p.nodes))
	for slot := range p.perPod {
		if n := p.nodes[slot]; n != nil {
			list = append(list, *n)
		}
	}
	_ = json.NewEncoder(w).Encode(list) //nolint:errcheck // the caller has gone
}

func (p *packed) handleTarget(w http.ResponseWriter, r *http.Request) {
	var target api.Target
	if err := json.NewDecoder(r.Body).Decode(&target); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if target.Revision < p.target.Revision {
		w.WriteHeader(http.StatusConflict)
		return
	}
	p.target = target
	if err := p.converge(); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// slotsOf is the ConfigMap with the number of nodes of a pod's group; nil for a pod with one node.
func (m *machine) slotsOf(ctx context.Context, pod *corev1.Pod) (*corev1.ConfigMap, error) {
	group := strings.TrimSuffix(pod.Name[:max(strings.LastIndex(pod.Name, "-"), 0)], "-sts")
	slots, err := m.clients.CoreV1().ConfigMaps(m.namespace).Get(ctx, group+"-slots", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return slots, err
}

// packedPod is the supervisor of a pod with several nodes; nil for another pod.
func (m *machine) packedPod(pod types.UID) *packed {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.places[pod]; at != nil {
		return at.packed
	}
	return nil
}

// KillNode ends the process of a node in a pod with several. The supervisor starts it again, unless it fails from now on.
func (ns *Namespace) KillNode(pod *corev1.Pod, slot int, fails bool) {
	ns.t.Helper()
	ok(ns.t, ns.machine.packedPod(pod.UID).kill(slot, fails))
}

// RepairNode ends the failures of a node that was killed.
func (ns *Namespace) RepairNode(pod *corev1.Pod, slot int) {
	ns.t.Helper()
	ok(ns.t, ns.machine.packedPod(pod.UID).repair(slot))
}

// Forgotten are the nodes of a pod whose data was deleted.
func (ns *Namespace) Forgotten(pod *corev1.Pod) []int {
	p := ns.machine.packedPod(pod.UID)
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.forgotten))
}
