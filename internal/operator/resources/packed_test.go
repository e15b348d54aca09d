package resources

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func textOf(t *testing.T, n *v1.BitcoinNetwork, s Settings) string {
	t.Helper()
	raw, err := yaml.Marshal(Build(n, s))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The golden files have no number of nodes in a pod: they are the objects of releases before it.
func TestOneNodeInAPodIsAPodAsBefore(t *testing.T) {
	for name, n := range networks {
		if n.Spec.NodesPerPod > 1 {
			continue
		}
		one := n.DeepCopy()
		one.Spec.NodesPerPod = 1
		if textOf(t, one, settingsFor(name)) != textOf(t, n, settingsFor(name)) {
			t.Errorf("%s: other objects with nodesPerPod: 1", name)
		}
	}
}

func TestScalingChangesNoTemplateOfPodsWithSeveralNodes(t *testing.T) {
	for _, name := range []string{"packed", "packed-init-container"} {
		small, large := networks[name].DeepCopy(), networks[name].DeepCopy()
		large.Spec.Nodes, large.Generation = 400, 2
		one, err := yaml.Marshal(templates(t, name, small)[0])
		if err != nil {
			t.Fatal(err)
		}
		if other, err := yaml.Marshal(templates(t, name, large)[0]); err != nil || string(one) != string(other) {
			t.Errorf("%s: a network that is scaled would restart its pods, %v", name, err)
		}
	}
}

// The rollout takes the ConfigMap before a StatefulSet for that of its bitcoin.conf.
func TestTheNumberOfNodesIsBeforeTheConfigurationAndTheStatefulSet(t *testing.T) {
	n := networks["packed"].DeepCopy()
	n.Generation = 7
	objects, sets := Build(n, settings()), 0
	for i, object := range objects {
		set, ok := object.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		sets++
		group := Groups(n, "nodes:1")[sets-1]
		slots, config := objects[i-2].(*corev1.ConfigMap), objects[i-1].(*corev1.ConfigMap)
		want := map[string]string{api.NodesKey: []string{"6", "1"}[sets-1], api.NodesPerPodKey: "4", api.RevisionKey: "7"}
		if config.Name != group.ConfigMap || slots.Name != group.SlotsConfigMap() || slots.Data["nodes"] != want["nodes"] || slots.Data["nodesPerPod"] != "4" || slots.Data["revision"] != "7" {
			t.Errorf("%s: %s has %v, %s", set.Name, slots.Name, slots.Data, config.Name)
		}
		if got := int(*set.Spec.Replicas); got != []int{2, 1}[sets-1] {
			t.Errorf("%s has %d pods", set.Name, got)
		}
	}
	if sets != 2 {
		t.Errorf("%d StatefulSets", sets)
	}
}

// A network with the supervisor is served by whatever runs it: its ports are those of no node, in no slot.
func TestNoNodeHasThePortOfAnother(t *testing.T) {
	n := network(func(s *v1.BitcoinNetworkSpec) { s.ZMQ = &v1.ZMQ{} })
	used := map[int32]string{api.Port: "supervisor"}
	for slot := range int32(v1.MaxNodesPerPod) {
		for _, p := range portsOf(n) {
			port := v1.PortInSlot(p.port, slot)
			// The kernel takes the ports of outgoing connections from 32768 on.
			if other, found := used[port]; found || port >= 32768 {
				t.Fatalf("port %d of %s in slot %d is that of %s", port, p.name, slot, other)
			}
			used[port] = p.name
		}
	}
}

func TestANodeOfSeveralPublishesWhereTheOperatorExpectsIt(t *testing.T) {
	var conf string
	for _, object := range Build(networks["packed"], settings()) {
		if config, ok := object.(*corev1.ConfigMap); ok && config.Data[configKey] != "" {
			conf = config.Data[configKey]
		}
	}
	published := strings.Split(templates(t, "packed", networks["packed"])[0].Annotations[AnnotationPublishers], "\n")
	if len(published) != len(zmqTopics) {
		t.Errorf("publishers %q", published)
	}
	for _, publisher := range published {
		if !slices.Contains(strings.Split(conf, "\n"), "zmqpub"+publisher) {
			t.Errorf("no %s in\n%s", publisher, conf)
		}
	}
}

func TestTheNodesOfAPackedGroupShareItsPods(t *testing.T) {
	network := &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{Nodes: 9, NodesPerPod: 4, Groups: []v1.Group{{Name: "g", Nodes: 4}, {Name: "none"}}}}
	network.Name = "net"
	for i, want := range []int{3, 1, 0} {
		if got := Groups(network, "")[i].Pods(); got != want {
			t.Errorf("group %d has %d pods, want %d", i, got, want)
		}
	}
	main, group := Groups(network, "")[0], Groups(network, "")[1]
	if got := main.PodName(8); got != "net-sts-2" || main.SlotOf(8) != 0 || main.SlotOf(7) != 3 {
		t.Errorf("node 8 is in %s, in place %d, and node 7 in place %d", got, main.SlotOf(8), main.SlotOf(7))
	}
	if first, ok := main.Ordinal("net-sts-2"); first != 8 || !ok {
		t.Errorf("the first node of pod 2 is %d, %t", first, ok)
	}
	if _, ok := main.Ordinal("net-sts-3"); ok {
		t.Error("there is a pod 3")
	}
	if first, ok := group.Ordinal("net-g-sts-0"); first != 9 || !ok {
		t.Errorf("the first node of the group is %d, %t", first, ok)
	}
}
