//go:build linux

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// Settings of the program.
type Settings struct {
	// Config is the path of the pod's bitcoin.conf, NodesDir and SlotsDir are the directories of package api.
	Config, NodesDir, SlotsDir string
	// Listen is the address of the HTTP interface.
	Listen string
	// PortStep separates the ports of neighbours in the pod.
	PortStep int
	// Grace is how long a process may take to end before it is killed.
	Grace time.Duration
	// Command is bitcoind, with its arguments but for the configuration.
	Command []string
	Env     []string
	Output  io.Writer
}

type supervisor struct {
	Settings
	Program string // the path of Command

	place      place // but for the slot
	ordinal    int
	podConf    string
	credential podhttp.Credential
	env        []string
	lines      *podprogram.Lines
	children   *podprogram.Children
	rest       rest

	mu     sync.Mutex
	target target
	// perPod is 0 until the ConfigMap has been read.
	perPod int
	nodes  []*node
	tasks  []*task // of the same slot, the latest each
	closed bool
	// ready once every node of the pod's share has answered: a node that is added later takes no others out of their Services.
	ready bool
}

// task runs a node, or deletes its data. Tasks of one slot follow each other.
type task struct {
	stop context.CancelFunc
	done chan struct{}
	// runs is true for one that has not been stopped.
	runs bool
}

// Run runs the pod's share of its group's nodes until the context ends and all of them have.
func Run(ctx context.Context, settings Settings) error {
	s, err := newSupervisor(settings)
	if err != nil {
		return err
	}
	if err := s.children.Reap(); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	s.restoreTarget()
	// Before the nodes: they would outlive what fails here, or end without SIGTERM.
	stop, err := s.serve()
	if err != nil {
		return err
	}
	defer stop()
	known, err := s.readSlots()
	if err != nil {
		return err
	}
	s.followSlots(ctx, known)
	s.close()
	return nil
}

func newSupervisor(settings Settings) (*supervisor, error) {
	s := &supervisor{
		Settings: settings, lines: podprogram.NewLines(settings.Output), children: podprogram.NewChildren(), rest: newREST(),
	}
	program, err := exec.LookPath(settings.Command[0])
	if err != nil {
		return nil, fmt.Errorf("the node image has no %s on its PATH: set another image in spec.image (%w)", settings.Command[0], err)
	}
	s.Program = program
	var podName, addresses string
	for _, variable := range settings.Env {
		key, value, _ := strings.Cut(variable, "=")
		switch key {
		case rpcauth.UserKey, rpcauth.PasswordKey:
			continue
		case api.PodNameVariable:
			podName = value
		case api.PodIPsVariable:
			addresses = value
		}
		s.env = append(s.env, variable)
	}
	if s.ordinal, err = podprogram.Ordinal(podName); err != nil {
		return nil, err
	}
	if addresses == "" {
		return nil, fmt.Errorf("the environment has no %s", api.PodIPsVariable)
	}
	s.place = place{portStep: settings.PortStep, addresses: strings.Split(addresses, ",")}
	text, err := os.ReadFile(settings.Config)
	if err != nil {
		return nil, err
	}
	s.podConf = string(text)
	if s.credential, err = credentialIn(s.podConf); err != nil {
		return nil, err
	}
	s.linkData()
	return s, s.linkHome()
}

// prefixOf the lines of a node.
func prefixOf(slot int) string { return fmt.Sprintf("[%d] ", slot) }

// printf writes a line about a node.
func (s *supervisor) printf(slot int, format string, args ...any) {
	s.lines.Printf(prefixOf(slot), "supervisor: "+format, args...)
}

func (s *supervisor) now() time.Time { return time.Now().UTC() }

// errOutdated means that a target of a higher revision is known.
var errOutdated = errors.New("a newer number of nodes is known")

// setTarget starts and ends nodes for a newer target.
func (s *supervisor) setTarget(newest target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !newest.supersedes(s.target) {
		return errOutdated
	}
	s.target = newest
	if newest.Requested {
		s.keepTarget()
	}
	return s.apply()
}

// apply starts and ends nodes so that the pod runs its share.
func (s *supervisor) apply() error {
	if s.closed || s.perPod == 0 {
		return nil
	}
	share := shareOf(s.target.Nodes, s.ordinal, s.perPod)
	for slot := len(s.nodes); slot < share; slot++ {
		at := s.place
		at.slot = slot
		conf, err := confOf(s.podConf, at)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, &node{
			supervisor: s, conf: conf, path: filepath.Join(s.NodesDir, strconv.Itoa(slot), "bitcoin.conf"), state: api.Node{Slot: slot, Since: s.now()},
		})
	}
	for slot, n := range s.nodes {
		for len(s.tasks) <= slot {
			s.tasks = append(s.tasks, &task{stop: func() {}, done: closedChannel()})
		}
		switch runs := s.tasks[slot].runs; {
		case slot < share && !runs:
			s.follow(slot, true, n.keep)
		case slot >= share && runs:
			s.tasks[slot].runs = false
			s.tasks[slot].stop()
		}
	}
	if s.target.Forget {
		s.forget(share, shareOf(s.target.Before, s.ordinal, s.perPod))
	}
	s.updateReady()
	return nil
}

// follow starts a task of a slot when the previous one has ended.
func (s *supervisor) follow(slot int, runs bool, do func(context.Context)) {
	for len(s.tasks) <= slot {
		s.tasks = append(s.tasks, &task{stop: func() {}, done: closedChannel()})
	}
	previous := s.tasks[slot].done
	ctx, cancel := context.WithCancel(context.Background())
	t := &task{stop: cancel, done: make(chan struct{}), runs: runs}
	s.tasks[slot] = t
	go func() {
		defer close(t.done)
		<-previous
		do(ctx)
	}()
}

// forget deletes the data of the nodes from share to before, also of those that another container of the pod ran.
func (s *supervisor) forget(share, before int) {
	podDir, _ := valueIn(s.podConf, "datadir")
	entries, err := os.ReadDir(filepath.Dir(api.DataDir(podDir, 0)))
	if err != nil {
		return // no node has any
	}
	for _, entry := range entries {
		slot, err := strconv.Atoi(entry.Name())
		if err != nil || slot < share || slot >= before {
			continue
		}
		s.follow(slot, false, func(context.Context) {
			if err := os.RemoveAll(api.DataDir(podDir, slot)); err != nil {
				s.printf(slot, "delete the data of a removed node: %v", err)
			}
		})
	}
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// close ends all nodes and waits for them.
func (s *supervisor) close() {
	s.mu.Lock()
	s.closed = true
	tasks := slices.Clone(s.tasks)
	s.mu.Unlock()
	for _, t := range tasks {
		t.stop()
	}
	for _, t := range tasks {
		<-t.done
	}
}

// states of the nodes that the pod runs, also of those that are ending, in the order of their slots.
func (s *supervisor) states() []api.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []api.Node{}
	for slot, n := range s.nodes {
		n.mu.Lock()
		if s.tasks[slot].runs || n.state.Running {
			list = append(list, n.state)
		}
		n.mu.Unlock()
	}
	return list
}
