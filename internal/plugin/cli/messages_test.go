package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/logs"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

func noRoute(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }

// newWatch follows the nodes a and b, whose connections with each other are 5 and 9.
func newWatch(out io.Writer) *watch {
	o := &messagesOptions{session: &session{streams: genericiooptions.IOStreams{Out: out, ErrOut: io.Discard}}, types: []string{"inv", "getdata", "block"}}
	return &watch{
		messagesOptions: o, nodes: [2]noderef.Node{{Ordinal: 0, Pod: "a"}, {Ordinal: 1, Pod: "b"}},
		known: [2]map[int64]bool{{5: true, 6: false}, {9: true}},
	}
}

func lineAt(source, ms int, text string) logs.Line {
	return logs.Line{Time: time.UnixMilli(int64(ms)), Source: source, Text: text}
}

// flushAll prints what is left, as after a moment without new lines.
func (w *watch) flushAll(ctx context.Context) error {
	w.latest = [2]time.Time{}
	return w.flush(ctx)
}

// log answers the call logging as bitcoind does: what is to be switched on, and off.
func (n *nodes) log(at *node, args []string) (string, int, string) {
	categories := n.logging[at.pod]
	for i, value := range []bool{true, false} {
		var list []string
		if len(args) > i+1 {
			if err := json.Unmarshal([]byte(args[i+1]), &list); err != nil {
				return "", -1, err.Error()
			}
		}
		for _, category := range list {
			categories[category] = value
		}
	}
	return toJSON(categories), 0, ""
}

// Two commands may follow one node: that which ends first switches the categories off.
func TestMessagesSwitchesTheCategoriesOfAQuietLogOnAgain(t *testing.T) {
	nodes := newNodes("a", "b")
	off := func() map[string]bool {
		return map[string]bool{"net": false, "cmpctblock": true, "mempool": false, "rpc": false}
	}
	nodes.logging = map[string]map[string]bool{"a": off(), "b": off()}
	w := newWatch(io.Discard)
	w.client = &cluster.Client{Namespace: "ns", Pods: nodes, Poll: time.Millisecond}
	w.latest[1] = time.Now() // it has new lines
	w.keepOn(t.Context())
	if on := nodes.logging["a"]; !on["net"] || !on["mempool"] || on["rpc"] || nodes.logging["b"]["net"] {
		t.Errorf("the categories are %v", nodes.logging)
	}
	calls := len(nodes.calls)
	w.keepOn(t.Context())
	if len(nodes.calls) != calls {
		t.Errorf("it called the nodes again: %q", nodes.calls[calls:])
	}
	if len(w.restore) != 1 {
		t.Fatalf("%d logs are to be restored", len(w.restore))
	}
	w.restore[0]()
	if on := nodes.logging["a"]; on["net"] || on["mempool"] || !on["cmpctblock"] {
		t.Errorf("at the end the categories are %v", on)
	}
}
