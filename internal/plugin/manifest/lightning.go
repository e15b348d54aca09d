package manifest

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Lightning are the values of the flags of a LightningNetwork, as Flags are those of a BitcoinNetwork.
type Lightning struct {
	BitcoinNetwork string
	Nodes          int32
	Image, Alias   string

	Channels       []string
	Topology       string
	Capacity, Push string
	Degree         int32
	Seed           int64

	Config       []string
	CloseTimeout time.Duration
	Secret       string

	Expose      string
	ExposeHosts []string

	Storage          string
	StorageClass     string
	StorageRetention string

	Requests, Limits, NodeSelector map[string]string
	PullSecrets                    []string
}

// UnsetLightning are flags of which none is given.
func UnsetLightning() Lightning { return Lightning{Nodes: 2, Seed: -1} }

// Network builds the resource.
func (f Lightning) Network(name string) (*v1.LightningNetwork, error) {
	if f.BitcoinNetwork == "" {
		return nil, invalid.Errorf("no BitcoinNetwork is named: add --bitcoin-network, which kubectl btcnet create creates")
	}
	network := &v1.LightningNetwork{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.GroupName + "/v1", Kind: "LightningNetwork"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1.LightningNetworkSpec{BitcoinNetwork: f.BitcoinNetwork, Nodes: f.Nodes, Image: f.Image, Alias: f.Alias, Secret: f.Secret, NodeSelector: f.NodeSelector},
	}
	if f.CloseTimeout != 0 {
		network.Spec.CloseTimeout = &metav1.Duration{Duration: f.CloseTimeout}
	}
	for _, secret := range f.PullSecrets {
		network.Spec.ImagePullSecrets = append(network.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: secret})
	}
	for _, part := range []func(*v1.LightningNetworkSpec) error{f.channels, f.topology, f.options, f.storage, f.expose, f.resources} {
		if err := part(&network.Spec); err != nil {
			return nil, err
		}
	}
	return network, nil
}

func (f Lightning) expose(spec *v1.LightningNetworkSpec) error {
	if f.Expose == "" {
		if len(f.ExposeHosts) > 0 {
			return invalid.Errorf("--expose-host needs a type of Service: add --expose=NodePort, LoadBalancer or ClusterIP")
		}
		return nil
	}
	kind, err := oneOf("expose", f.Expose, []v1.ExposeType{v1.ExposeClusterIP, v1.ExposeNodePort, v1.ExposeLoadBalancer})
	if err != nil {
		return err
	}
	spec.Expose = &v1.LightningExpose{Type: kind}
	for _, host := range f.ExposeHosts {
		if !api.IsHost(host) {
			return invalid.Errorf("--expose-host %q is neither a DNS name nor an IP address: write one without a port, such as lnd.example.com", host)
		}
		spec.Expose.Hosts = append(spec.Expose.Hosts, v1.LightningHost(host))
	}
	return nil
}

func (f Lightning) channels(spec *v1.LightningNetworkSpec) error {
	for _, text := range f.Channels {
		channel, err := channel(text)
		if err != nil {
			return err
		}
		if last := max(channel.From, channel.To); last >= f.Nodes && f.Nodes > 0 {
			return invalid.Errorf("--channel %q names node %d, which does not exist: the nodes are 0 to %d", text, last, f.Nodes-1)
		}
		if channel.From == channel.To {
			return invalid.Errorf("--channel %q is from node %d to itself: name two different nodes", text, channel.From)
		}
		if channel.Push >= channel.Capacity {
			return invalid.Errorf("--channel %q pushes its whole capacity: push less than %d satoshis", text, channel.Capacity)
		}
		spec.Channels = append(spec.Channels, channel)
	}
	return nil
}

// channel reads FROM-TO:CAPACITY[,push=AMOUNT][,count=N][,private].
func channel(text string) (v1.LightningChannel, error) {
	parts := strings.Split(text, ",")
	ends, capacity, sized := strings.Cut(parts[0], ":")
	from, to, paired := strings.Cut(ends, "-")
	a, errA := strconv.ParseUint(from, 10, 8)
	b, errB := strconv.ParseUint(to, 10, 8)
	if !sized || !paired || errA != nil || errB != nil {
		return v1.LightningChannel{}, invalid.Errorf("--channel %q is not a channel: write FROM-TO:CAPACITY, such as 0-1:1000000 or 0-1:1000000,push=200000", text)
	}
	satoshis, err := amount.ParseSatoshis(capacity)
	c := v1.LightningChannel{From: int32(a), To: int32(b), Capacity: int64(satoshis)} //nolint:gosec // 8 bits
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch {
		case err != nil:
		case part == "private":
			c.Private = true
		case key == "push":
			satoshis, err = amount.ParseSatoshis(value)
			c.Push = int64(satoshis)
		case key == "count":
			count, bad := strconv.ParseUint(value, 10, 8)
			if bad != nil || count == 0 {
				return v1.LightningChannel{}, invalid.Errorf("--channel %q has the count %q: write a number from 1 on", text, value)
			}
			c.Count = int32(count) //nolint:gosec // 8 bits
		default:
			return v1.LightningChannel{}, invalid.Errorf("--channel %q has %q, which is neither push=AMOUNT nor count=N nor private", text, part)
		}
	}
	return c, err
}

var lightningTopologies = []v1.LightningTopologyType{"Mesh", "Ring", "Line", "Star", "Random"}

func (f Lightning) topology(spec *v1.LightningNetworkSpec) error {
	if f.Topology == "" {
		if f.Capacity != "" || f.Push != "" || f.Degree != 0 || f.Seed >= 0 {
			return invalid.Errorf("--capacity, --push, --degree and --seed are those of --topology: add it, or write the capacity of each --channel")
		}
		return nil
	}
	kind, err := oneOf("topology", f.Topology, lightningTopologies)
	switch {
	case err != nil:
		return err
	case len(f.Channels) > 0:
		return invalid.Errorf("--channel and --topology exclude each other: leave one of them out")
	case f.Capacity == "":
		return invalid.Errorf("--topology needs the capacity of its channels: add --capacity, such as 1000000")
	}
	spec.Topology = &v1.LightningTopology{Type: kind}
	capacity, err := amount.ParseSatoshis(f.Capacity)
	if err != nil {
		return err
	}
	spec.Topology.Capacity = int64(capacity)
	if f.Push != "" {
		push, err := amount.ParseSatoshis(f.Push)
		if err != nil {
			return err
		}
		if push >= capacity {
			return invalid.Errorf("--push %s is the whole capacity: push less than %d satoshis", f.Push, int64(capacity))
		}
		spec.Topology.Push = int64(push)
	}
	if f.Degree != 0 {
		spec.Topology.Degree = &f.Degree
	}
	if f.Seed >= 0 {
		spec.Topology.Seed = &f.Seed
	}
	return nil
}

func (f Lightning) options(spec *v1.LightningNetworkSpec) error {
	for _, text := range f.Config {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return invalid.Errorf("--config %q is not an option of lnd.conf: write OPTION=VALUE, such as bitcoin.feerate=10", text)
		}
		if _, twice := spec.Config[key]; twice {
			return invalid.Errorf("--config has %s twice: an option of lnd.conf has one value here", key)
		}
		if spec.Config == nil {
			spec.Config = v1.LightningConfig{}
		}
		spec.Config[key] = v1.LightningConfigValue(value)
	}
	return nil
}

func (f Lightning) storage(spec *v1.LightningNetworkSpec) error {
	common := v1.BitcoinNetworkSpec{}
	flags := Flags{Storage: f.Storage, StorageClass: f.StorageClass, StorageRetention: f.StorageRetention}
	if err := flags.storage(&common); err != nil || common.Storage == nil {
		return err
	}
	spec.Storage = &v1.LightningStorage{
		Size: common.Storage.Size, StorageClassName: common.Storage.StorageClassName, RetentionPolicy: common.Storage.RetentionPolicy,
	}
	return nil
}

func (f Lightning) resources(spec *v1.LightningNetworkSpec) error {
	common := v1.BitcoinNetworkSpec{}
	err := Flags{Requests: f.Requests, Limits: f.Limits}.resources(&common)
	spec.Resources = common.Resources
	return err
}
