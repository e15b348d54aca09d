package faucet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// hashes are the blocks that the nodes have at a height; "" is none.
type hashes map[string]string

// Exec implements cluster.Executor.
func (h hashes) Exec(_ context.Context, _, pod string, _ []string, _ io.Reader, out, errOut io.Writer) error {
	if h[pod] == "" {
		fmt.Fprintf(errOut, "error code: -8\nerror message:\nBlock height out of range\n")
		return exec.CodeExitError{Err: errors.New("exit"), Code: 8}
	}
	_, err := fmt.Fprintln(out, h[pod])
	return err
}

func TestNodesAgreeWhenAllHaveABlockOrNoneHas(t *testing.T) {
	nodes := []noderef.Node{{Ordinal: 0, Pod: "a"}, {Ordinal: 1, Pod: "b"}, {Ordinal: 2, Pod: "c"}}
	for name, c := range map[string]struct {
		has   hashes
		mined []string
		fails bool
	}{
		"all have it":                         {hashes{"a": "x", "b": "x", "c": "x"}, nil, false},
		"another miner has replaced it":       {hashes{"a": "y", "b": "y", "c": "y"}, nil, false},
		"one is behind":                       {hashes{"a": "x", "b": "x"}, nil, true},
		"a block decides between two":         {hashes{"a": "y", "b": "x", "c": "x"}, []string{"b"}, false},
		"one is behind, and one on the other": {hashes{"a": "y", "c": "x"}, []string{"c"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var mined []string
			err := Agree(t.Context(), &cluster.Client{Pods: c.has, Poll: time.Millisecond}, nodes, Tip{7, "x"}, 100*time.Millisecond, func(_ context.Context, node noderef.Node) error {
				mined = append(mined, node.Pod)
				for _, n := range nodes {
					c.has[n.Pod] = "x"
				}
				return nil
			})
			if (err != nil) != c.fails || !slices.Equal(mined, c.mined) {
				t.Errorf("it mined on %q, and ended with %v", mined, err)
			}
		})
	}
}
