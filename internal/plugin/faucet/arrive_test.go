package faucet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// chains are what the nodes have: the hash of their block at a height, "" for none, and the height of their best one.
type chains struct {
	hashes  map[string]string
	heights map[string]int64
}

// Exec implements cluster.Executor.
func (c chains) Exec(_ context.Context, _, pod string, command []string, _ io.Reader, out, errOut io.Writer) error {
	if slices.Contains(command, "getblockchaininfo") {
		_, err := fmt.Fprintf(out, `{"blocks":%d}`, c.heights[pod])
		return err
	}
	if c.hashes[pod] == "" {
		fmt.Fprintf(errOut, "error code: -8\nerror message:\nBlock height out of range\n")
		return exec.CodeExitError{Err: errors.New("exit"), Code: 8}
	}
	_, err := fmt.Fprintln(out, c.hashes[pod])
	return err
}

func TestNodesAgreeWhenAllHaveABlockOrNoneHas(t *testing.T) {
	nodes := []noderef.Node{{Ordinal: 0, Pod: "a"}, {Ordinal: 1, Pod: "b"}, {Ordinal: 2, Pod: "c"}}
	for name, c := range map[string]struct {
		has     map[string]string
		heights map[string]int64
		// decides is whether a block ends the tie.
		decides bool
		mined   []string
		fails   string
	}{
		"all have it":                         {map[string]string{"a": "x", "b": "x", "c": "x"}, nil, true, nil, ""},
		"another miner has replaced it":       {map[string]string{"a": "y", "b": "y", "c": "y"}, nil, true, nil, ""},
		"one is behind":                       {map[string]string{"a": "x", "b": "x"}, nil, true, nil, "it is missing on c"},
		"a block decides between two":         {map[string]string{"a": "y", "b": "x", "c": "x"}, nil, true, []string{"b"}, ""},
		"one is behind, and one on the other": {map[string]string{"a": "y", "c": "x"}, nil, true, []string{"c"}, ""},
		"one does not get the higher branch": {map[string]string{"a": "y", "b": "x", "c": "x"}, map[string]int64{"a": 7, "b": 8, "c": 8}, true, nil,
			"it is missing on a; another branch has height 7, and that of b 8: kubectl btcnet tree"},
		"another branch is higher": {map[string]string{"a": "y", "b": "x", "c": "x"}, map[string]int64{"a": 9, "b": 8, "c": 8}, true, nil, "another branch has height 9, and that of b 8"},
		"three blocks do not decide": {map[string]string{"a": "y", "b": "x", "c": "x"}, nil, false, []string{"b", "b", "b"},
			"it is missing on a; another branch has height 0, too, after 3 blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mined []string
				client := &cluster.Client{Pods: chains{c.has, c.heights}, Poll: time.Second}
				err := Agree(t.Context(), client, nodes, Tip{7, "x"}, time.Minute, func(_ context.Context, node noderef.Node) error {
					mined = append(mined, node.Pod)
					for _, n := range nodes {
						if c.decides {
							c.has[n.Pod] = "x"
						}
					}
					return nil
				})
				if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) || !slices.Equal(mined, c.mined) {
					t.Errorf("it mined on %q, and ended with %v", mined, err)
				}
			})
		})
	}
}
