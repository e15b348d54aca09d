package bitcoindtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// Supervisor simulates the supervisor of a pod with several nodes, and keeps their chains.
type Supervisor struct {
	bitcoinds *Nodes
	// ordinal of the pod in its StatefulSet, and perPod how many nodes a pod has.
	ordinal, perPod int

	mu     sync.Mutex
	server *http.Server
	// address of the pod; "" while it does not run.
	address string
	target  api.Target
	nodes   map[int]*api.Node
	chains  map[int][]Block
	// failing nodes end at once whenever they are started.
	failing map[int]bool
	// forgotten are the slots whose data was deleted.
	forgotten []int
}

// NewSupervisor returns the supervisor of a pod that does not run. slots are the data of its group's ConfigMap, chains what its volume has.
func NewSupervisor(nodes *Nodes, pod string, slots map[string]string, chains map[int][]Block) (*Supervisor, error) {
	var err error
	number := func(text string) int {
		value, failed := strconv.Atoi(text)
		if failed != nil {
			err = failed
		}
		return value
	}
	p := &Supervisor{
		bitcoinds: nodes, ordinal: number(pod[strings.LastIndex(pod, "-")+1:]), perPod: number(slots[api.NodesPerPodKey]),
		target: api.Target{Nodes: number(slots[api.NodesKey]), Revision: int64(number(slots[api.RevisionKey]))},
		nodes:  map[int]*api.Node{}, chains: chains, failing: map[int]bool{},
	}
	if p.chains == nil {
		p.chains = map[int][]Block{}
	}
	return p, err
}

// Start starts the container on a loopback address that is free, and returns the address.
func (p *Supervisor) Start() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.address != "" {
		return p.address, nil
	}
	var listener net.Listener
	address, err := anywhere(func(address string) (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(api.Port)))
		return err
	})
	if err != nil {
		return "", err
	}
	p.address, p.nodes = address, map[int]*api.Node{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.NodesPath, p.handleNodes)
	mux.HandleFunc("POST "+api.NodesPath, p.handleTarget)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(listener) //nolint:errcheck // it ends with Stop
	return address, p.converge()
}

// Stop stops the container, and returns the chains of its nodes.
func (p *Supervisor) Stop() map[int][]Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.address != "" {
		for slot := range p.nodes {
			p.end(slot)
		}
		p.server.Close() //nolint:errcheck // no caller is left
		p.address = ""
	}
	return p.chains
}

// converge starts and ends nodes as the target has it. The caller holds the lock, as for the functions below.
func (p *Supervisor) converge() error {
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

func (p *Supervisor) begin(slot int) error {
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

func (p *Supervisor) end(slot int) {
	if n := p.nodes[slot]; n.Running {
		p.chains[slot] = p.bitcoinds.StopSlot(p.address, slot)
		n.Running, n.Since = false, time.Now()
	}
}

// Kill ends the process of a node. It starts again at once, unless it fails.
func (p *Supervisor) Kill(slot int, fails bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(slot)
	n := p.nodes[slot]
	n.Exits++
	n.LastExit = &api.Exit{Code: 137, Signal: 9, At: time.Now()}
	p.failing[slot] = fails
	return p.begin(slot)
}

// Repair starts a node that failed.
func (p *Supervisor) Repair(slot int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing[slot] = false
	return p.begin(slot)
}

func (p *Supervisor) handleNodes(w http.ResponseWriter, _ *http.Request) {
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

func (p *Supervisor) handleTarget(w http.ResponseWriter, r *http.Request) {
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

// Forgotten are the slots whose data was deleted.
func (p *Supervisor) Forgotten() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.forgotten))
}
