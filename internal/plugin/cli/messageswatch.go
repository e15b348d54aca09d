package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/logs"
	"github.com/christianb93/bitcoin-controller/internal/plugin/messages"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// watch follows the logs of two nodes.
type watch struct {
	*messagesOptions
	client  *cluster.Client
	network string
	nodes   [2]noderef.Node
	// known has for each node whether a connection, by its number in the log, is one with the other node.
	known [2]map[int64]bool

	mu      sync.Mutex
	readers [2]messages.Reader
	// latest is when the last line of a log was read, and checked when its categories were.
	latest, checked [2]time.Time
	// restore switches off what the command has switched on.
	restore []func()
}

// quiet is how long a log has nothing new before its categories are checked.
const quiet = 5 * time.Second

// switchOn switches the categories of a log on.
func (w *watch) switchOn(ctx context.Context, source int) error {
	restore, err := w.logged(ctx, w.client, w.nodes[source].Pod)
	if restore != nil {
		w.restore = append(w.restore, restore)
	}
	return err
}

// keepOn switches the categories of a quiet log on again: another command that follows the same node switches them off at its end.
func (w *watch) keepOn(ctx context.Context) {
	for source := range w.nodes {
		w.mu.Lock()
		due := time.Since(w.latest[source]) >= quiet && time.Since(w.checked[source]) >= quiet
		if due {
			w.checked[source] = time.Now()
		}
		w.mu.Unlock()
		if due {
			_ = w.switchOn(ctx, source) // a node that does not answer now may later
		}
	}
}

// ask renews what is known of the connections of a node.
func (w *watch) ask(ctx context.Context, source int) error {
	network, err := w.client.Get(ctx, w.network)
	if err != nil {
		return err
	}
	other := netip.Addr{}
	for _, status := range network.Status.Nodes {
		if int(status.Ordinal) == w.nodes[1-source].Ordinal {
			other, _ = netip.ParseAddr(status.IP) // a node without an address has no connections
		}
	}
	both := []noderef.Node{w.nodes[source]}
	packed := noderef.At(w.nodes[0].Pod).Packed
	if packed {
		both = w.nodes[:]
	}
	peers, failed := w.client.Peers(ctx, both)
	for _, err := range failed {
		return err
	}
	others := peers[w.nodes[1-source].Ordinal]
	for _, peer := range peers[w.nodes[source].Ordinal] {
		if packed { // other nodes have the same address: a connection is the one that both report, with its two ends
			w.known[source][peer.ID] = slices.ContainsFunc(others, func(p topology.Peer) bool { return p.Address == peer.Bind && p.Bind == peer.Address })
			continue
		}
		host, _, err := net.SplitHostPort(peer.Address)
		addr, errAddr := netip.ParseAddr(host)
		w.known[source][peer.ID] = err == nil && errAddr == nil && other.IsValid() && addr.Unmap() == other.Unmap()
	}
	return nil
}

// isOther reports whether a connection of a node is one with the other node. Nodes connect again with new numbers.
func (w *watch) isOther(ctx context.Context, source int, peer int64) (bool, error) {
	if other, known := w.known[source][peer]; known {
		return other, nil
	}
	if err := w.ask(ctx, source); err != nil {
		return false, err
	}
	other := w.known[source][peer]
	w.known[source][peer] = other // one that has ended meanwhile is not read again
	return other, nil
}

// settled is how long a message waits for lines about its content.
const settled = 300 * time.Millisecond

// print follows both logs until the context ends.
func (w *watch) print(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sources := []chan logs.Line{make(chan logs.Line), make(chan logs.Line)}
	for i := range sources {
		go func() {
			defer close(sources[i])
			if err := w.read(ctx, i, sources[i]); err != nil {
				cancel(err)
			}
		}()
	}
	for source := range w.checked {
		w.checked[source] = time.Now()
	}
	kept := make(chan struct{})
	defer func() { cancel(nil); <-kept }()
	go func() {
		defer close(kept)
		cluster.Every(ctx, quiet, func() { w.keepOn(ctx) })
	}()
	go func() {
		cluster.Every(ctx, settled, func() {
			if err := w.flush(ctx); err != nil {
				cancel(err)
			}
		})
	}()
	err := logs.Merge(ctx, sources, hold, func(line logs.Line) error { return w.line(ctx, line) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// read passes the new lines of a node's log on.
func (w *watch) read(ctx context.Context, source int, to chan<- logs.Line) error {
	pod, none := w.nodes[source].Pod, int64(0)
	err := readOnce(ctx, w.client, pod, 1, corev1.PodLogOptions{Follow: true, TailLines: &none}, func(stream stream) error {
		_, err := logs.Read(ctx, stream, source, time.Time{}, func(string) bool { return true }, to)
		return err
	})
	if err == nil && ctx.Err() == nil {
		err = fmt.Errorf("the log of %s has ended: its bitcoind may have started again, so begin again", pod)
	}
	return err
}

// flush prints the last messages of nodes whose logs have had nothing new for a moment.
func (w *watch) flush(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for source := range w.readers {
		if time.Since(w.latest[source]) < settled {
			continue
		}
		if done := w.readers[source].Flush(); done != nil {
			if err := w.emit(ctx, source, *done); err != nil {
				return err
			}
		}
	}
	return nil
}

// line reads a line of a log, and prints the messages that it completes, in the order of their times.
func (w *watch) line(ctx context.Context, line logs.Line) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest[line.Source] = time.Now()
	done := w.readers[line.Source].Read(line.Time, line.Text)
	if done == nil {
		return nil
	}
	if other := 1 - line.Source; w.readers[other].Before(done.Time) {
		if err := w.emit(ctx, other, *w.readers[other].Flush()); err != nil {
			return err
		}
	}
	return w.emit(ctx, line.Source, *done)
}

// sentMessage is a line of the output as JSON.
type sentMessage struct {
	messages.Message
	From string `json:"from"`
	To   string `json:"to"`
}

// emit prints a message if it is one of the other node.
func (w *watch) emit(ctx context.Context, source int, m messages.Message) error {
	other, err := w.isOther(ctx, source, m.Peer)
	if err != nil || !other || !w.wants(m.Type) {
		return err
	}
	to, from := w.nodes[source].Pod, w.nodes[1-source].Pod
	if w.result.format == "json" {
		encoder := json.NewEncoder(w.streams.Out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(sentMessage{m, from, to})
	}
	_, err = fmt.Fprintf(w.streams.Out, "%s  %s -> %s  %-12s %6d bytes  %s\n", m.Time.UTC().Format("15:04:05.000"), from, to, terminal.Line(m.Type), m.Bytes,
		terminal.Line(strings.Join(m.Details, "; ")))
	return err
}
