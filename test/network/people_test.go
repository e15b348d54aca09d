//go:build e2e

package network

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// What people do to nodes beside the operator.

func TestANodeThatIsTakenOffTheNetworkIsNamed(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	env.create(network("offline", 2))
	env.ready("offline", readyTimeout)
	if _, err := env.cli("offline-sts-0", "setnetworkactive", "false"); err != nil {
		t.Fatal(err)
	}
	env.eventually("the condition to give the cause", time.Minute, func() error {
		for _, kind := range []string{v1.ConditionConnected, v1.ConditionReady} {
			if c := env.condition("offline", kind); c.Status != "False" || c.Reason != v1.ReasonNetworkInactive || !strings.Contains(c.Message, "offline-sts-0") {
				return fmt.Errorf("%s %s: %s", c.Type, c.Reason, c.Message)
			}
		}
		return env.hasEvent("offline", v1.ReasonNetworkInactive)
	})
	if _, err := env.cli("offline-sts-0", "setnetworkactive", "true"); err != nil {
		t.Fatal(err)
	}
	env.ready("offline", time.Minute)
	env.exactly("offline", 2, others(2))
}

// The node of another network, which a person connects with both sides of a partition.
func TestAPeerThatBridgesAPartitionIsNamed(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	// An operator that starts takes the entries that it finds in the list of a node for its own.
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	n := network("split", 2)
	n.Spec.Partitions = []v1.Partition{{Nodes: []int32{0}}}
	env.create(n)
	env.create(network("bridge", 1))
	env.ready("split", readyTimeout)
	env.ready("bridge", readyTimeout)
	sides, bridge := env.addresses("split", 2), env.addresses("bridge", 1)[0]
	for _, address := range sides {
		if _, err := env.cli("bridge-sts-0", "addnode", address, "add"); err != nil {
			t.Fatal(err)
		}
	}
	env.eventually("the condition to name the bridge", time.Minute, func() error {
		if c := env.condition("split", v1.ConditionReady); c.Reason != v1.ReasonPartitionBridged || !strings.Contains(c.Message, bridge) {
			return fmt.Errorf("%s: %s", c.Reason, c.Message)
		}
		status := env.get("split").Status
		if len(status.ForeignPeers) != 1 || status.ForeignPeers[0].Address != bridge || !slices.Equal(status.ForeignPeers[0].Nodes, []int32{0, 1}) ||
			status.Nodes[0].ForeignPeers != 1 || status.Nodes[1].ForeignPeers != 1 {
			return fmt.Errorf("foreign peers %+v", status.ForeignPeers)
		}
		return nil
	})
	// The operator of the bridge counts its peers too, and leaves the entries of a person alone.
	env.eventually("the bridge's own status to name both sides", time.Minute, func() error {
		if status := env.get("bridge").Status; len(status.ForeignPeers) != 2 || status.Nodes[0].ForeignPeers != 2 {
			return fmt.Errorf("foreign peers %+v", status.ForeignPeers)
		}
		return nil
	})
	want := slices.Sorted(slices.Values(sides))
	if list, err := env.listOf("bridge-sts-0"); err != nil || !slices.Equal(list, want) {
		t.Errorf("the bridge lists %v (%v), and a person added %v", list, err, want)
	}
	if _, err := env.cli("bridge-sts-0", "addnode", sides[1], "remove"); err != nil {
		t.Fatal(err)
	}
	if _, err := env.cli("bridge-sts-0", "disconnectnode", sides[1]); err != nil {
		t.Fatal(err)
	}
	status := env.ready("split", time.Minute).Status
	if len(status.ForeignPeers) != 1 || !slices.Equal(status.ForeignPeers[0].Nodes, []int32{0}) {
		t.Errorf("foreign peers %+v", status.ForeignPeers)
	}
}

// A line has no connection of its ends: one that a person adds is removed, with an event.
func TestAConnectionAgainstTheTopologyIsRemovedWithAnEvent(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	n := network("aligned", 3)
	n.Spec.Topology = &v1.Topology{Type: v1.TopologyLine}
	env.create(n)
	env.ready("aligned", readyTimeout)
	far := env.addresses("aligned", 3)[2]
	for _, entry := range []string{far, far + ":18444"} {
		if _, err := env.cli("aligned-sts-0", "addnode", entry, "add"); err != nil {
			t.Fatal(err)
		}
		env.eventually("the event for "+entry, time.Minute, func() error {
			for _, note := range env.eventNotes("aligned", "AddedNodeRemoved") {
				if strings.HasPrefix(note, entry+" is removed from the addnode list of aligned-sts-0") {
					return nil
				}
			}
			return fmt.Errorf("the events are %q", env.eventNotes("aligned", "AddedNodeRemoved"))
		})
		env.eventually("the entry to be removed", time.Minute, func() error {
			if list, err := env.listOf("aligned-sts-0"); err != nil || slices.Contains(list, entry) {
				return fmt.Errorf("the list is %v, %w", list, err)
			}
			return nil
		})
	}
	env.ready("aligned", time.Minute)
	env.exactly("aligned", 3, func(i int) []int { return [][]int{{1}, {0, 2}, {1}}[i] })
}

// peerIDs are the ids of a node's connections: a new connection has another one.
func (env *testEnv) peerIDs(pod string) []int64 {
	env.Helper()
	text, err := env.cli(pod, "getpeerinfo")
	if err != nil {
		env.Fatal(err)
	}
	var peers []struct{ ID int64 }
	if err := json.Unmarshal([]byte(text), &peers); err != nil {
		env.Fatal(err)
	}
	var ids []int64
	for _, p := range peers {
		ids = append(ids, p.ID)
	}
	return ids
}

// A jump of a node's clock, for tests of time locks, ends its connections: the last message of each peer is an hour old. A connection
// whose peer answers a ping of the new time before bitcoind checks stays: of two, one in every fifth jump (Knots 29.4.3).
func TestANodeWhoseClockJumpsIsConnectedAgain(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	env.create(network("early", 3))
	env.ready("early", readyTimeout)
	before := env.peerIDs("early-sts-1")
	// The other nodes accept no block of more than two hours from now.
	for _, ahead := range []time.Duration{60 * time.Minute, 85 * time.Minute, 110 * time.Minute} {
		if _, err := env.cli("early-sts-1", "setmocktime", strconv.FormatInt(time.Now().Add(ahead).Unix(), 10)); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(before, func(id int64) bool { return !slices.Contains(env.peerIDs("early-sts-1"), id) }) {
			break
		}
	}
	env.eventually("connections of after the jump, and the network to be ready", 2*time.Minute, func() error {
		ids := env.peerIDs("early-sts-1")
		if len(ids) < 2 || !slices.ContainsFunc(ids, func(id int64) bool { return !slices.Contains(before, id) }) {
			return fmt.Errorf("connections %v, and before %v", ids, before)
		}
		if ready := env.condition("early", v1.ConditionReady); ready.Status != "True" {
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		return nil
	})
	env.exactly("early", 3, others(3))
	if _, err := env.cli("early-sts-1", "generatetodescriptor", "1", "raw(51)"); err != nil {
		t.Fatal(err)
	}
	best, err := env.cli("early-sts-1", "getbestblockhash")
	if err != nil {
		t.Fatal(err)
	}
	env.eventually("all nodes to have the block of after the jump", time.Minute, func() error {
		for i := range 3 {
			if hash, err := env.cli(fmt.Sprintf("early-sts-%d", i), "getbestblockhash"); err != nil || hash != best {
				return fmt.Errorf("node %d is at %s, %w", i, hash, err)
			}
		}
		return nil
	})
}
