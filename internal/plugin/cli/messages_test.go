package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

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
