package manifest

import (
	"strings"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestFlagsThatBelongTogetherMakeTheirPart(t *testing.T) {
	for name, c := range map[string]struct {
		set func(*Flags)
		ok  func(v1.BitcoinNetworkSpec) bool
	}{
		"none": {func(*Flags) {}, func(s v1.BitcoinNetworkSpec) bool {
			return s.Nodes == 1 && s.Topology == nil && s.Mining == nil && s.Storage == nil
		}},
		"seed 0": {func(f *Flags) { f.Seed = 0 }, func(s v1.BitcoinNetworkSpec) bool {
			return s.Topology.Type == v1.TopologyRandom && *s.Topology.Seed == 0
		}},
		"edges": {func(f *Flags) { f.Edges = []string{"0-1", "2-10"} }, func(s v1.BitcoinNetworkSpec) bool {
			return s.Topology.Type == v1.TopologyCustom && s.Topology.Edges[1] == v1.Edge{From: 2, To: 10}
		}},
		"edges of a ring": {func(f *Flags) { f.Edges, f.Topology = []string{"0-1"}, "ring" }, func(s v1.BitcoinNetworkSpec) bool { return s.Topology.Type == v1.TopologyRing }}, // rejected by the API server
		"mine": {func(f *Flags) { f.Mine = true }, func(s v1.BitcoinNetworkSpec) bool {
			return s.Mining != nil && s.Mining.Interval == nil && s.Mining.Node == nil
		}},
		"node 0 mines": {func(f *Flags) { f.MineNode = 0 }, func(s v1.BitcoinNetworkSpec) bool { return *s.Mining.Node == 0 }},
		"retention": {func(f *Flags) { f.StorageRetention = "retain" }, func(s v1.BitcoinNetworkSpec) bool {
			return s.Storage.RetentionPolicy == v1.RetentionRetain && s.Storage.Size == nil
		}},
		"storage":    {func(f *Flags) { f.Storage = "2Gi" }, func(s v1.BitcoinNetworkSpec) bool { return s.Storage.Size.String() == "2Gi" }},
		"publishers": {func(f *Flags) { f.ZMQMessages = 7 }, func(s v1.BitcoinNetworkSpec) bool { return *s.ZMQ.HighWaterMark == 7 }},
		"expose": {func(f *Flags) { f.Expose, f.ExposePerNode = "nodeport", true }, func(s v1.BitcoinNetworkSpec) bool {
			return *s.Expose == v1.Expose{Type: v1.ExposeNodePort, PerNode: true}
		}},
		"pull secrets":     {func(f *Flags) { f.PullSecrets = []string{"a"} }, func(s v1.BitcoinNetworkSpec) bool { return s.ImagePullSecrets[0].Name == "a" }},
		"a value with =":   {func(f *Flags) { f.Config = []string{"uacomment=a=b"} }, func(s v1.BitcoinNetworkSpec) bool { return s.Config["uacomment"] == "a=b" }},
		"several values":   {func(f *Flags) { f.Config = []string{"debug=net", "debug=mempool"} }, func(s v1.BitcoinNetworkSpec) bool { return s.Config == nil && len(s.ConfigLists["debug"]) == 2 }},
		"sides of a group": {func(f *Flags) { f.Groups, f.Sides = []string{"old=2"}, []string{"1,2"} }, func(s v1.BitcoinNetworkSpec) bool { return len(s.Partitions[0].Nodes) == 2 }},
	} {
		flags := Unset()
		c.set(&flags)
		network, err := flags.Network("net")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if network.Name != "net" || !c.ok(network.Spec) {
			t.Errorf("%s gives %+v", name, network.Spec)
		}
	}
}

func TestFlagsThatCannotBeWrittenAreNamed(t *testing.T) {
	for want, set := range map[string]func(*Flags){
		`--edge "0"`:              func(f *Flags) { f.Edges = []string{"0"} },
		`--edge "0-x"`:            func(f *Flags) { f.Edges = []string{"0-x"} },
		`--storage "much"`:        func(f *Flags) { f.Storage = "much" },
		`--storage-retention`:     func(f *Flags) { f.StorageRetention = "never" },
		`--expose "inside"`:       func(f *Flags) { f.Expose = "inside" },
		`--expose-per-node needs`: func(f *Flags) { f.ExposePerNode = true },
		`--limits cpu="lots"`:     func(f *Flags) { f.Limits = map[string]string{"cpu": "lots"} },
		`--requests memory="x"`:   func(f *Flags) { f.Requests = map[string]string{"memory": "x"} },
		`--config "txindex"`:      func(f *Flags) { f.Config = []string{"txindex"} },
		`--group "old"`:           func(f *Flags) { f.Groups = []string{"old"} },
		`--group "=2"`:            func(f *Flags) { f.Groups = []string{"=2"} },
		`which is neither image`:  func(f *Flags) { f.Groups = []string{"old=2,txindex=1"} },
		`names node 1, which`:     func(f *Flags) { f.Sides = []string{"1"} },
	} {
		flags := Unset()
		set(&flags)
		if _, err := flags.Network("net"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, and should have %q", err, want)
		}
	}
}
