package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// storageClass creates a class of volumes, which can or cannot be expanded.
func storageClass(t *testing.T, ns *apiserver.Namespace, expands bool) string {
	t.Helper()
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: ns.Name + "-class"}, Provisioner: "example.com/simulated", AllowVolumeExpansion: &expands,
	}
	if err := ns.Client.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	return class.Name
}

func storedNetwork(nodes int32, class string) v1.BitcoinNetworkSpec {
	return v1.BitcoinNetworkSpec{Nodes: nodes, Storage: &v1.Storage{StorageClassName: &class}}
}

// runningStored is running for a network with volumes of a class that can or cannot be expanded.
func runningStored(t *testing.T, nodes int32, expands bool) (*apiserver.Network, *apiserver.Operator) {
	t.Helper()
	ns := apiserver.NewNamespace(t)
	return runningIn(ns, storedNetwork(nodes, storageClass(t, ns, expands)))
}

func sizeTo(size string) func(*v1.BitcoinNetwork) {
	return func(network *v1.BitcoinNetwork) { network.Spec.Storage.Size = ptr.To(resource.MustParse(size)) }
}

// claims are the claims of a network with the sizes that they request.
func claims(t *testing.T, net *apiserver.Network) []string {
	t.Helper()
	list := &corev1.PersistentVolumeClaimList{}
	if err := net.Client.List(t.Context(), list, client.InNamespace(net.Namespace.Name)); err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, claim := range list.Items {
		if claim.DeletionTimestamp == nil {
			size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
			found = append(found, claim.Name+" "+size.String())
		}
	}
	slices.Sort(found)
	return found
}

func waitForClaims(t *testing.T, net *apiserver.Network, want ...string) {
	t.Helper()
	net.Wait(fmt.Sprint("the claims to be ", want), func() error {
		if got := claims(t, net); !slices.Equal(got, want) {
			return fmt.Errorf("they are %v", got)
		}
		return nil
	})
}

// tryUpdate changes a network, and returns the error of the API server.
func tryUpdate(t *testing.T, net *apiserver.Network, change func(*v1.BitcoinNetwork)) error {
	t.Helper()
	for {
		network := net.Get()
		change(network)
		if err := net.Client.Update(t.Context(), network); !apierrors.IsConflict(err) {
			return err
		}
	}
}

func TestClaimsGrowInAClassThatExpands(t *testing.T) {
	t.Parallel()
	net, _ := runningStored(t, 2, true)
	waitForClaims(t, net, "data-net-sts-0 1Gi", "data-net-sts-1 1Gi")
	net.Update(sizeTo("2Gi"))
	waitForClaims(t, net, "data-net-sts-0 2Gi", "data-net-sts-1 2Gi")
	net.Wait("the volumes to have the size", func() error { return volumesHave(net, "2Gi") })
	net.WaitReady()
	// A new claim comes from the template, which is immutable, and grows too.
	net.Update(func(network *v1.BitcoinNetwork) { network.Spec.Nodes = 3 })
	waitForClaims(t, net, "data-net-sts-0 2Gi", "data-net-sts-1 2Gi", "data-net-sts-2 2Gi")
	if network := net.WaitReady(); network.Status.Nodes[0].Version == "" {
		t.Error("node 0 has no version")
	}
	if err := tryUpdate(t, net, sizeTo("1Gi")); err == nil || !strings.Contains(err.Error(), "storage.size can only grow") {
		t.Errorf("a smaller size: %v", err)
	}
	for name, change := range map[string]func(*v1.Storage){
		"another class":  func(s *v1.Storage) { s.StorageClassName = ptr.To("other") },
		"no class":       func(s *v1.Storage) { s.StorageClassName = nil },
		"another policy": func(s *v1.Storage) { s.RetentionPolicy = v1.RetentionRetain },
	} {
		err := tryUpdate(t, net, func(network *v1.BitcoinNetwork) { change(network.Spec.Storage) })
		if err == nil || !strings.Contains(err.Error(), "storage cannot be changed once the network exists, except for a larger size") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tryUpdate(t, net, func(network *v1.BitcoinNetwork) { network.Spec.Storage = nil }); err == nil || !strings.Contains(err.Error(), "storage cannot be changed") {
		t.Errorf("no storage: %v", err)
	}
}

// volumesHave returns an error unless the volumes of all claims have been expanded to this size, which the simulated provisioner does.
func volumesHave(net *apiserver.Network, want string) error {
	list := &corev1.PersistentVolumeClaimList{}
	if err := net.Client.List(context.Background(), list, client.InNamespace(net.Namespace.Name)); err != nil {
		return err
	}
	for i := range list.Items {
		if size := list.Items[i].Status.Capacity[corev1.ResourceStorage]; size.String() != want {
			return fmt.Errorf("that of %s has %s", list.Items[i].Name, size.String())
		}
	}
	return nil
}

// The condition suggests a larger size when bitcoind does not start on a full volume.
func TestTheClaimOfANodeThatDoesNotStartGrows(t *testing.T) {
	t.Parallel()
	net, _ := runningStored(t, 1, true)
	ns := net.Namespace
	ns.Report(apiserver.Crashing(1, "Error: A fatal internal error occurred, see debug.log for details: Disk space is too low!"))
	stalled := net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonNodeFailing)
	if c := meta.FindStatusCondition(stalled.Status.Conditions, v1.ConditionStalled); !strings.Contains(c.Message, "enlarge spec.storage.size") {
		t.Errorf("the message is %s", c.Message)
	}
	net.Update(sizeTo("2Gi"))
	waitForClaims(t, net, "data-net-sts-0 2Gi")
	net.Wait("the volume to have the size", func() error { return volumesHave(net, "2Gi") })
	ns.Report(nil)
	net.WaitReady()
}

// The nodes run on with the volumes that they have. The size can be set back, and grow again when the class allows it.
func TestAClassThatDoesNotExpandStallsTheNetwork(t *testing.T) {
	t.Parallel()
	net, op := runningStored(t, 1, false)
	net.Update(sizeTo("2Gi"))
	network := net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, v1.ReasonStorageNotExpanded)
	for _, c := range network.Status.Conditions {
		if c.Type == v1.ConditionStalled && !strings.Contains(c.Message, "the claim of Pod net-sts-0 cannot be expanded to 2Gi") {
			t.Errorf("the message is %s", c.Message)
		}
	}
	net.WaitReady()
	waitForClaims(t, net, "data-net-sts-0 1Gi")
	net.Wait("the event", func() error {
		for _, event := range net.Events() {
			if event.Reason == v1.ReasonStorageNotExpanded {
				return nil
			}
		}
		return errors.New("there is none")
	})
	waitForPasses(net, 5)
	if tried := len(op.API.Requests(apiserver.On("patch", "persistentvolumeclaims"))); tried != 1 {
		t.Errorf("%d requests for the same size", tried)
	}
	net.Update(sizeTo("1Gi"))
	net.WaitCondition(v1.ConditionStalled, metav1.ConditionFalse, "")
	if err := tryUpdate(t, net, sizeTo("500Mi")); err == nil || !strings.Contains(err.Error(), "storage.size can only grow") {
		t.Errorf("a smaller size: %v", err)
	}
}

// The controller of a StatefulSet deletes claims by a policy, which is Delete only while nodes are removed whose blocks the others have.
func TestClaimsAreDeletedWithNodesWhoseBlocksTheOthersHave(t *testing.T) {
	t.Parallel()
	net, _ := runningStored(t, 3, true)
	net.Update(func(network *v1.BitcoinNetwork) { network.Spec.Nodes = 0 })
	net.WaitReady()
	waitForClaims(t, net, "data-net-sts-0 1Gi", "data-net-sts-1 1Gi", "data-net-sts-2 1Gi")
	net.Update(func(network *v1.BitcoinNetwork) { network.Spec.Nodes = 3 })
	net.WaitReady()
	waitForClaims(t, net, "data-net-sts-0 1Gi", "data-net-sts-1 1Gi", "data-net-sts-2 1Gi")
	net.Update(func(network *v1.BitcoinNetwork) { network.Spec.Nodes = 1 })
	net.WaitReady()
	waitForClaims(t, net, "data-net-sts-0 1Gi")
}

// The removed node has the best chain, and no connection with the others. Its group or its ordinal is no longer desired.
func TestRemovedNodesHandOverTheirBlocks(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]v1.BitcoinNetworkSpec{
		"an ordinal":                  {Nodes: 3},
		"a group":                     {Nodes: 2, Groups: []v1.Group{{Name: "old", Nodes: 1}}},
		"an ordinal in a pod of four": {Nodes: 3, NodesPerPod: 4},
		"a group in pods of four":     {Nodes: 2, NodesPerPod: 4, Groups: []v1.Group{{Name: "old", Nodes: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
			spec.Partitions = []v1.Partition{{Nodes: []int32{2}}}
			net := ns.Create("net", spec)
			network := net.WaitReady()
			mine := func(ordinal, blocks int) {
				pod := &corev1.Pod{}
				net.Read(network.Status.Nodes[ordinal].PodName, pod)
				if _, err := ns.Bitcoinds.AtSlot(pod.Status.PodIP, int(network.Status.Nodes[ordinal].Slot)).Call("generatetodescriptor", float64(blocks), "raw(51)"); err != nil {
					t.Fatal(err)
				}
			}
			mine(0, 3)
			mine(2, 20)
			net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes, n.Spec.Groups, n.Spec.Partitions = 1, nil, nil })
			if status := net.WaitReady().Status; status.Height != 20 || status.HeightFell != nil || len(net.Pods()) != 1 {
				t.Errorf("height %d, fall %+v, %d pods; want 20", status.Height, status.HeightFell, len(net.Pods()))
			}
		})
	}
}

// In a line the neighbour of the last node is removed too. Its blocks are those of its own side of the partition.
func TestRemovedNodesDoNotJoinTheSidesOfAPartition(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 6, Topology: &v1.Topology{Type: v1.TopologyLine}, Partitions: []v1.Partition{{Nodes: []int32{0, 1}}}})
	net.WaitReady()
	for node, blocks := range map[int]int{0: 3, 2: 20} {
		if _, err := net.Node(node).Call("generatetodescriptor", float64(blocks), fmt.Sprintf("raw(6a02%04x)", node)); err != nil {
			t.Fatal(err)
		}
	}
	net.Eventually("two branches", func(n *v1.BitcoinNetwork) error {
		if n.Status.ChainTips != 2 {
			return fmt.Errorf("%d tips", n.Status.ChainTips)
		}
		return nil
	})
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 4 })
	net.Wait("four pods", func() error {
		if pods := len(net.Pods()); pods != 4 {
			return fmt.Errorf("%d", pods)
		}
		return nil
	})
	for node, want := range map[int]int{0: 3, 1: 3, 2: 20, 3: 20} {
		if got := len(net.Node(node).Chain()); got != want {
			t.Errorf("node %d has %d blocks, want %d", node, got, want)
		}
	}
}
