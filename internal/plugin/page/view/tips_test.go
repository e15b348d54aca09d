package view

import (
	"fmt"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var start = time.Unix(1_000_000, 0)

// statuses are nodes with these best blocks.
func statuses(height int64, hashes ...string) []v1.NodeStatus {
	var list []v1.NodeStatus
	for i, hash := range hashes {
		list = append(list, v1.NodeStatus{Ordinal: int32(i), BestBlockHash: hash, Blocks: height}) //nolint:gosec // small
	}
	return list
}

// drawn is a short text of all tips: hash, height, branch, and < for a node that is behind.
func drawn(t *Tips, competing int32) string {
	text := ""
	tips := t.Nodes(competing)
	for i := range len(t.nodes) {
		tip, known := tips[i]
		if !known {
			text += " -"
			continue
		}
		text += fmt.Sprintf(" %s@%d/%d", tip.Hash, tip.Height, tip.Branch)
		if tip.Behind {
			text += "<"
		}
	}
	return text[1:]
}

func expect(t *testing.T, tips *Tips, competing int32, want string) {
	t.Helper()
	if got := drawn(tips, competing); got != want {
		t.Errorf("the tips are %s, want %s", got, want)
	}
}

func TestTheFirstBlockHasTheHeightOne(t *testing.T) {
	tips := NewTips()
	tips.Report(statuses(0, "genesis"), start)
	tips.Announce(0, "first", "genesis", start)
	tips.Announce(0, "second", "first", start)
	expect(t, tips, 1, "second@2/0")
}

func TestABlockTravelsFromNodeToNode(t *testing.T) {
	tips := NewTips()
	tips.Report(statuses(100, "a", "a", "a", ""), start)
	expect(t, tips, 1, "a@100/0 a@100/0 a@100/0 -")
	if !tips.Announce(1, "b", "a", start) || tips.Announce(1, "b", "a", start) {
		t.Error("the same block is new twice")
	}
	expect(t, tips, 1, "a@100/0< b@101/0 a@100/0< -")
	tips.Announce(0, "b", "a", start)
	tips.Announce(2, "b", "a", start)
	expect(t, tips, 1, "b@101/0 b@101/0 b@101/0 -")
	tips.Report(statuses(100, "a", "a"), start)
	expect(t, tips, 1, "b@101/0 b@101/0")
}

// The sides of a partition keep their colours while both mine, and the only branch has the first one.
func TestBranchesKeepTheirNumbers(t *testing.T) {
	tips := NewTips()
	tips.Report(statuses(100, "a", "a", "a", "a"), start)
	tips.Announce(0, "b", "a", start)
	tips.Announce(1, "b", "a", start)
	expect(t, tips, 1, "b@101/0 b@101/0 a@100/0< a@100/0<")
	tips.Announce(2, "x", "a", start)
	expect(t, tips, 1, "b@101/0 b@101/0 x@101/1 a@100/0<")
	tips.Announce(3, "x", "a", start)
	tips.Announce(3, "y", "x", start)
	tips.Announce(2, "y", "x", start)
	expect(t, tips, 2, "b@101/0 b@101/0 y@102/1 y@102/1")
	for i := range 4 {
		tips.Announce(i, "z", "y", start)
	}
	expect(t, tips, 1, "z@103/0 z@103/0 z@103/0 z@103/0")
}

func TestWithoutTheBlocksBetweenTheOperatorDecides(t *testing.T) {
	tips := NewTips()
	list := statuses(100, "a", "q")
	list[0].Blocks = 105
	tips.Report(list, start)
	expect(t, tips, 1, "a@105/0 q@100/0<")
	expect(t, tips, 2, "a@105/0 q@100/1")
}

func TestAStatusIsTakenUnlessItIsOlderThanWhatTheNodeAnnounced(t *testing.T) {
	tips := NewTips()
	tips.Report(statuses(100, "a"), start)
	tips.Hears(0, true)
	tips.Announce(0, "b", "a", start)
	tips.Announce(0, "c", "b", start)
	tips.Report(statuses(101, "b"), start.Add(time.Second))
	expect(t, tips, 1, "c@102/0")
	// A node that takes a block for invalid announces nothing.
	tips.Report(statuses(100, "a"), start.Add(2*time.Second))
	expect(t, tips, 1, "a@100/0")
	tips.Announce(0, "c", "b", start.Add(3*time.Second))
	tips.Report(statuses(101, "b"), start.Add(3*time.Second+2*stale))
	expect(t, tips, 1, "b@101/0")
	if tip := tips.Nodes(1)[0]; !tip.Heard {
		t.Error("the node is not heard")
	}
	tips.Report(nil, start)
	if len(tips.Nodes(1)) != 0 {
		t.Error("a node that does not exist has a tip")
	}
}

// A node may announce whatever it likes.
func TestWhatNodesAnnounceIsBounded(t *testing.T) {
	tips := NewTips()
	for i := range 5 * maxBlocks {
		tips.Announce(i%3, fmt.Sprint("h", i), fmt.Sprint("h", i-1), start)
	}
	tips.Announce(0, "loop", "loop", start)
	tips.Announce(1, "ping", "pong", start)
	tips.Announce(2, "pong", "ping", start)
	if len(tips.blocks) > 2*maxBlocks+8 || len(tips.order) > 2*maxBlocks+8 || len(tips.nodes[0].announced) > 64 {
		t.Errorf("%d blocks are kept", len(tips.blocks))
	}
	if got := tips.Nodes(3); len(got) != 3 {
		t.Errorf("%d nodes", len(got))
	}
}
