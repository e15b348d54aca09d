// Package manifest builds a BitcoinNetwork from the flags of a command line. It is pure. What the definition of the resource rejects is
// left to the API server: here is only what cannot be written into the resource at all.
package manifest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Flags are the values of the flags; the zero value of each means that it is not set, -1 that of numbers for which 0 is a value.
type Flags struct {
	Nodes       int32
	NodesPerPod int32
	Secret      string
	Image       string

	Topology string
	Degree   int32
	Seed     int64
	Edges    []string
	Sides    []string

	Mine          bool
	MineInterval  time.Duration
	MineKeepAlive time.Duration
	MineNode      int32
	MineAddress   string

	Storage          string
	StorageClass     string
	StorageRetention string

	Config []string
	Groups []string

	ZMQ         bool
	ZMQMessages int32

	Expose        string
	ExposePerNode bool

	Requests, Limits, NodeSelector map[string]string
	PullSecrets                    []string
}

// Unset are flags of which none is given, for one node.
func Unset() Flags { return Flags{Nodes: 1, Seed: -1, MineNode: -1} }

// Network builds the resource.
func (f Flags) Network(name string) (*v1.BitcoinNetwork, error) {
	network := &v1.BitcoinNetwork{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.GroupName + "/v1", Kind: "BitcoinNetwork"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1.BitcoinNetworkSpec{Nodes: f.Nodes, NodesPerPod: f.NodesPerPod, Secret: f.Secret, Image: f.Image, NodeSelector: f.NodeSelector},
	}
	for _, secret := range f.PullSecrets {
		network.Spec.ImagePullSecrets = append(network.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: secret})
	}
	for _, part := range []func(*v1.BitcoinNetworkSpec) error{f.groups, f.topology, f.partitions, f.mining, f.storage, f.options, f.services, f.resources} {
		if err := part(&network.Spec); err != nil {
			return nil, err
		}
	}
	return network, nil
}

// topologies are the names that a flag accepts, in any case.
var topologies = []v1.TopologyType{v1.TopologyMesh, v1.TopologyRing, v1.TopologyLine, v1.TopologyStar, v1.TopologyRandom, v1.TopologyCustom}

func (f Flags) topology(spec *v1.BitcoinNetworkSpec) error {
	if f.Topology == "" && f.Degree == 0 && f.Seed < 0 && len(f.Edges) == 0 {
		return nil
	}
	kind, err := oneOf("topology", f.Topology, topologies)
	switch {
	case err != nil && f.Topology != "":
		return err
	case f.Topology == "" && len(f.Edges) > 0:
		kind = v1.TopologyCustom
	case f.Topology == "":
		kind = v1.TopologyRandom
	}
	spec.Topology = &v1.Topology{Type: kind}
	if f.Degree != 0 {
		spec.Topology.Degree = &f.Degree
	}
	if f.Seed >= 0 {
		spec.Topology.Seed = &f.Seed
	}
	for _, text := range f.Edges {
		from, to, ok := strings.Cut(text, "-")
		a, errA := strconv.ParseUint(from, 10, 16)
		b, errB := strconv.ParseUint(to, 10, 16)
		if !ok || errA != nil || errB != nil {
			return invalid.Errorf("--edge %q is not a connection: write the ordinals of two nodes, such as 0-1", text)
		}
		spec.Topology.Edges = append(spec.Topology.Edges, v1.Edge{From: int32(a), To: int32(b)}) //nolint:gosec // 16 bits
	}
	return nil
}

func (f Flags) partitions(spec *v1.BitcoinNetworkSpec) error {
	if len(f.Sides) == 0 {
		return nil
	}
	nodes := int(spec.Nodes)
	for _, g := range spec.Groups {
		nodes += int(g.Nodes)
	}
	sets, err := noderef.Sets(f.Sides, nodes)
	for _, set := range sets {
		spec.Partitions = append(spec.Partitions, v1.Partition{Nodes: set})
	}
	return err
}

func (f Flags) mining(spec *v1.BitcoinNetworkSpec) error {
	if !f.Mine && f.MineInterval == 0 && f.MineKeepAlive == 0 && f.MineNode < 0 && f.MineAddress == "" {
		return nil
	}
	spec.Mining = &v1.Mining{Address: f.MineAddress}
	if f.MineInterval != 0 {
		spec.Mining.Interval = &metav1.Duration{Duration: f.MineInterval}
	}
	if f.MineKeepAlive != 0 {
		spec.Mining.KeepAlive = &metav1.Duration{Duration: f.MineKeepAlive}
	}
	if f.MineNode >= 0 {
		spec.Mining.Node = &f.MineNode
	}
	return nil
}

func (f Flags) storage(spec *v1.BitcoinNetworkSpec) error {
	if f.Storage == "" && f.StorageClass == "" && f.StorageRetention == "" {
		return nil
	}
	spec.Storage = &v1.Storage{}
	if f.Storage != "" {
		size, err := resource.ParseQuantity(f.Storage)
		if err != nil {
			return invalid.Errorf("--storage %q is not a size: write a quantity, such as 1Gi", f.Storage)
		}
		spec.Storage.Size = &size
	}
	if f.StorageClass != "" {
		spec.Storage.StorageClassName = &f.StorageClass
	}
	if f.StorageRetention == "" {
		return nil
	}
	policy, err := oneOf("storage-retention", f.StorageRetention, []v1.RetentionPolicy{v1.RetentionDelete, v1.RetentionRetain})
	spec.Storage.RetentionPolicy = policy
	return err
}

func (f Flags) options(spec *v1.BitcoinNetworkSpec) (err error) {
	spec.Config, spec.ConfigLists, err = options("--config", f.Config)
	return err
}

func (f Flags) services(spec *v1.BitcoinNetworkSpec) error {
	if f.ZMQ || f.ZMQMessages != 0 {
		spec.ZMQ = &v1.ZMQ{}
		if f.ZMQMessages != 0 {
			spec.ZMQ.HighWaterMark = &f.ZMQMessages
		}
	}
	if f.Expose == "" {
		if f.ExposePerNode {
			return invalid.Errorf("--expose-per-node needs a type of Service: add --expose=ClusterIP, NodePort or LoadBalancer")
		}
		return nil
	}
	kind, err := oneOf("expose", f.Expose, []v1.ExposeType{v1.ExposeClusterIP, v1.ExposeNodePort, v1.ExposeLoadBalancer})
	spec.Expose = &v1.Expose{Type: kind, PerNode: f.ExposePerNode}
	return err
}

func (f Flags) resources(spec *v1.BitcoinNetworkSpec) error {
	requests, err := quantities("--requests", f.Requests)
	if err != nil {
		return err
	}
	limits, err := quantities("--limits", f.Limits)
	if err != nil || len(requests)+len(limits) == 0 {
		return err
	}
	spec.Resources = &corev1.ResourceRequirements{Requests: requests, Limits: limits}
	return nil
}

func quantities(flag string, given map[string]string) (corev1.ResourceList, error) {
	if len(given) == 0 {
		return nil, nil
	}
	list := corev1.ResourceList{}
	for name, text := range given {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, invalid.Errorf("%s %s=%q is not a quantity: write one such as cpu=500m or memory=256Mi", flag, name, text)
		}
		list[corev1.ResourceName(name)] = quantity
	}
	return list, nil
}

// oneOf accepts a name in any case.
func oneOf[T ~string](flag, text string, names []T) (T, error) {
	if i := slices.IndexFunc(names, func(name T) bool { return strings.EqualFold(string(name), text) }); i >= 0 {
		return names[i], nil
	}
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = string(name)
	}
	return "", invalid.Errorf("--%s %q does not exist: use one of %s", flag, text, strings.Join(words, ", "))
}
