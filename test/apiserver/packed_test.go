package apiserver_test

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// packings are the values of spec.nodesPerPod that the main cases run with.
func packings(t *testing.T, test func(t *testing.T, perPod int32)) {
	for _, perPod := range []int32{1, 4} {
		t.Run(fmt.Sprintf("%d nodes a pod", perPod), func(t *testing.T) {
			t.Parallel()
			test(t, perPod)
		})
	}
}

// mineOn mines blocks on a node and waits until all nodes have them.
func mineOn(t *testing.T, net *apiserver.Network, ordinal, blocks int) {
	t.Helper()
	if _, err := net.Node(ordinal).Call("generatetodescriptor", float64(blocks), fmt.Sprintf("raw(6a02%04x)", ordinal)); err != nil {
		t.Fatal(err)
	}
	height := int64(len(net.Node(ordinal).Chain()))
	net.Eventually(fmt.Sprintf("height %d on all nodes", height), func(n *v1.BitcoinNetwork) error {
		for _, node := range n.Status.Nodes {
			if node.Blocks != height {
				return fmt.Errorf("node %d has %d blocks", node.Ordinal, node.Blocks)
			}
		}
		return nil
	})
}

// checkNodes fails unless the status has these nodes, in their pods.
func checkNodes(t *testing.T, network *v1.BitcoinNetwork, perPod int) {
	t.Helper()
	for i, n := range network.Status.Nodes {
		slot := int32(i % perPod) //nolint:gosec // small
		ports := [2]int32{}
		if slot > 0 {
			ports = [2]int32{18332 + 10*slot, 18444 + 10*slot}
		}
		if pod := fmt.Sprintf("net-sts-%d", i/perPod); n.PodName != pod || n.Slot != slot || [2]int32{n.RPCPort, n.P2PPort} != ports {
			t.Errorf("node %d is in pod %s at %d with ports %d and %d", i, n.PodName, n.Slot, n.RPCPort, n.P2PPort)
		}
		if connected := len(n.ConnectedWith.List()); int(n.Peers) != connected || n.ForeignPeers != 0 {
			t.Errorf("node %d has %d peers, %d foreign ones, and is connected with %d nodes", i, n.Peers, n.ForeignPeers, connected)
		}
	}
}

func TestTopologiesOfSharedPods(t *testing.T) {
	t.Parallel()
	for name, topology := range map[string]v1.Topology{
		"mesh": {Type: v1.TopologyMesh}, "ring": {Type: v1.TopologyRing}, "star": {Type: v1.TopologyStar}, "line": {Type: v1.TopologyLine},
		"random": {Type: v1.TopologyRandom, Degree: ptr.To(int32(3))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packings(t, func(t *testing.T, perPod int32) {
				net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 9, NodesPerPod: perPod, Topology: &topology})
				checkNodes(t, net.Get(), int(perPod))
				mineOn(t, net, 5, 2)
				net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Partitions = []v1.Partition{{Nodes: []int32{0, 1, 5}}} })
				parted := net.WaitReady()
				for _, n := range parted.Status.Nodes {
					inSet := slices.Contains([]int32{0, 1, 5}, n.Ordinal)
					for _, other := range n.ConnectedWith.List() {
						if slices.Contains([]int32{0, 1, 5}, other) != inSet {
							t.Errorf("node %d is connected with node %d", n.Ordinal, other)
						}
					}
				}
				net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Partitions = nil })
				checkNodes(t, net.WaitReady(), int(perPod))
				mineOn(t, net, 0, 1)
			})
		})
	}
}

func TestScalingInAndAcrossPods(t *testing.T) {
	t.Parallel()
	packings(t, func(t *testing.T, perPod int32) {
		net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 2, NodesPerPod: perPod})
		var before map[string]types.UID
		blocks := int64(0)
		for _, nodes := range []int32{3, 9, 7, 6, 2, 5, 4, 1, 3} {
			was := int(net.Get().Spec.Nodes)
			// The last node has a block that no other one has yet when it goes.
			if _, err := net.Node(was-1).Call("generatetodescriptor", float64(1), fmt.Sprintf("raw(6a02%04x)", was)); err != nil {
				t.Fatal(err)
			}
			blocks++
			before = podUIDs(net)
			net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = nodes })
			network := net.WaitReady()
			pods := podUIDs(net)
			if want := int((nodes + perPod - 1) / perPod); len(pods) != want {
				t.Errorf("%d nodes are in %d pods, want %d", nodes, len(pods), want)
			}
			for name, uid := range before {
				if now, stays := pods[name]; stays && now != uid {
					t.Errorf("from %d to %d nodes: pod %s was replaced", was, nodes, name)
				}
			}
			if network.Status.Replicas != nodes || network.Status.Height != blocks || network.Status.HeightFell != nil {
				t.Errorf("%d nodes: %d replicas, height %d", nodes, network.Status.Replicas, network.Status.Height)
			}
			checkNodes(t, network, int(perPod))
		}
	})
}

func podUIDs(net *apiserver.Network) map[string]types.UID {
	uids := map[string]types.UID{}
	for _, pod := range net.Pods() {
		uids[pod.Name] = pod.UID
	}
	return uids
}

// The data of a node that goes while its pod stays is deleted like a claim: when the others have its blocks.
func TestTheDataOfANodeThatIsRemovedFromItsPodIsDeleted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy v1.RetentionPolicy
		silent bool
		want   []int
	}{
		"by default":              {policy: v1.RetentionDelete, want: []int{2, 3}},
		"not if it is retained":   {policy: v1.RetentionRetain},
		"not without its answers": {policy: v1.RetentionDelete, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			spec := storedNetwork(4, storageClass(t, ns, true))
			spec.NodesPerPod, spec.Storage.RetentionPolicy = 4, test.policy
			net, _ := runningIn(ns, spec)
			if test.silent {
				net.Node(3).Hang()
			}
			pod := net.Pod(0)
			net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 2 })
			net.WaitReady()
			if got := ns.Forgotten(pod); !slices.Equal(got, test.want) {
				t.Errorf("the data of %v was deleted, want %v", got, test.want)
			}
			waitForClaims(t, net, "data-net-sts-0 1Gi")
		})
	}
}

func TestGroupsOfSharedPods(t *testing.T) {
	t.Parallel()
	packings(t, func(t *testing.T, perPod int32) {
		net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 5, NodesPerPod: perPod, Groups: []v1.Group{{Name: "b", Nodes: 6}}})
		if last := net.Get().Status.Nodes[10]; last.PodName != fmt.Sprintf("net-b-sts-%d", 5/perPod) || last.Slot != 5%perPod || last.Group != "b" {
			t.Errorf("node 10 is %+v", last)
		}
		mineOn(t, net, 4, 2)
		net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Groups[0].Nodes = 1 })
		net.WaitReady()
		net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Groups = nil })
		if network := net.WaitReady(); network.Status.Height != 2 || len(net.Pods()) != int(4/perPod+1) {
			t.Errorf("height %d in %d pods", network.Status.Height, len(net.Pods()))
		}
	})
}

// One pod after the other restarts, and waits until all nodes of the last one have the chain.
func TestRolloutsOfSharedPods(t *testing.T) {
	t.Parallel()
	packings(t, func(t *testing.T, perPod int32) {
		net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 3 * perPod, NodesPerPod: perPod})
		mineOn(t, net, 0, 3)
		before := podUIDs(net)
		record := net.Record()
		net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Config = v1.Config{"txindex": "1"} })
		network := net.WaitReady()
		for name, uid := range podUIDs(net) {
			if before[name] == uid {
				t.Errorf("pod %s was not replaced", name)
			}
		}
		if network.Status.Height != 3 || network.Status.HeightFell != nil {
			t.Errorf("the height is %d", network.Status.Height)
		}
		for _, version := range net.Until(record, network.ResourceVersion) {
			lost := map[string]bool{}
			for _, n := range version.Status.Nodes {
				if !n.Ready || n.Blocks < 3 {
					lost[n.PodName] = true
				}
			}
			if len(lost) > 1 {
				t.Errorf("nodes of %d pods were without the chain at once: %v", len(lost), lost)
			}
		}
	})
}

func TestAllNodesOfSharedPodsMine(t *testing.T) {
	t.Parallel()
	packings(t, func(t *testing.T, perPod int32) {
		net, _ := running(t, v1.BitcoinNetworkSpec{Nodes: 5, NodesPerPod: perPod, Mining: miningEvery(apiserver.Limit / 60)})
		net.Eventually("a block of each node", func(n *v1.BitcoinNetwork) error {
			for i := range n.Status.Nodes {
				if net.Node(i).Calls("generatetodescriptor") == 0 {
					return fmt.Errorf("node %d has mined none of %d", i, n.Status.Height)
				}
			}
			return nil
		})
	})
}
