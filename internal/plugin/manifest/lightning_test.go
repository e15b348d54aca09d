package manifest

import (
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// spec of the flags that a case sets, for three nodes on a network.
func lightningSpec(set func(*Lightning)) (v1.LightningNetworkSpec, error) {
	flags := UnsetLightning()
	flags.BitcoinNetwork, flags.Nodes = "net", 3
	set(&flags)
	network, err := flags.Network("ln")
	if err != nil {
		return v1.LightningNetworkSpec{}, err
	}
	return network.Spec, nil
}

func TestFlagsOfALightningNetworkMakeTheirPart(t *testing.T) {
	for name, c := range map[string]struct {
		set func(*Lightning)
		ok  func(v1.LightningNetworkSpec) bool
	}{
		"none": {func(*Lightning) {}, func(s v1.LightningNetworkSpec) bool {
			return s.BitcoinNetwork == "net" && s.Nodes == 3 && s.Channels == nil && s.Topology == nil && s.Storage == nil && s.Resources == nil && s.CloseTimeout == nil
		}},
		"channels": {func(f *Lightning) {
			f.Channels = []string{"0-1:1000000,push=200000", "2-1:0.01btc,count=3,private"}
		}, func(s v1.LightningNetworkSpec) bool {
			return s.Channels[0] == v1.LightningChannel{From: 0, To: 1, Capacity: 1_000_000, Push: 200_000} &&
				s.Channels[1] == v1.LightningChannel{From: 2, To: 1, Capacity: 1_000_000, Count: 3, Private: true}
		}},
		"topology": {func(f *Lightning) { f.Topology, f.Capacity, f.Push = "ring", "1000000", "500000" }, func(s v1.LightningNetworkSpec) bool {
			return *s.Topology == v1.LightningTopology{Type: "Ring", Capacity: 1_000_000, Push: 500_000}
		}},
		"random": {func(f *Lightning) { f.Topology, f.Capacity, f.Degree, f.Seed = "Random", "20000", 2, 0 }, func(s v1.LightningNetworkSpec) bool {
			return *s.Topology.Degree == 2 && *s.Topology.Seed == 0
		}},
		"options": {func(f *Lightning) { f.Config = []string{"debuglevel=info,HSWC=debug", "bitcoin.feerate=10"} }, func(s v1.LightningNetworkSpec) bool {
			return s.Config["debuglevel"] == "info,HSWC=debug" && s.Config["bitcoin.feerate"] == "10"
		}},
		"storage": {func(f *Lightning) { f.Storage, f.StorageRetention = "256Mi", "retain" }, func(s v1.LightningNetworkSpec) bool {
			return s.Storage.Size.String() == "256Mi" && s.Storage.RetentionPolicy == v1.RetentionRetain
		}},
		"limits":        {func(f *Lightning) { f.Limits = map[string]string{"memory": "1Gi"} }, func(s v1.LightningNetworkSpec) bool { return s.Resources.Limits.Memory().String() == "1Gi" }},
		"close timeout": {func(f *Lightning) { f.CloseTimeout = time.Minute }, func(s v1.LightningNetworkSpec) bool { return s.CloseTimeout.Duration == time.Minute }},
		"secret":        {func(f *Lightning) { f.Secret = "lnd-tls" }, func(s v1.LightningNetworkSpec) bool { return s.Secret == "lnd-tls" && s.Expose == nil }},
		"expose": {func(f *Lightning) { f.Expose, f.ExposeHosts = "nodeport", []string{"lnd.example.com", "192.0.2.1"} }, func(s v1.LightningNetworkSpec) bool {
			return s.Expose.Type == v1.ExposeNodePort && len(s.Expose.Hosts) == 2 && s.Expose.Hosts[1] == "192.0.2.1"
		}},
		"stopped": {func(f *Lightning) { f.Nodes, f.Channels = 0, []string{"0-1:20000"} }, func(s v1.LightningNetworkSpec) bool { return s.Nodes == 0 && len(s.Channels) == 1 }},
	} {
		if spec, err := lightningSpec(c.set); err != nil || !c.ok(spec) {
			t.Errorf("%s gives %+v (%v)", name, spec, err)
		}
	}
}

func TestTheHostsOfALightningNetworkAreThoseOfItsDefinition(t *testing.T) {
	for host, valid := range lightningtest.Hosts {
		_, err := lightningSpec(func(f *Lightning) { f.Expose, f.ExposeHosts = "NodePort", []string{host} })
		if valid != (err == nil) || err != nil && !strings.Contains(err.Error(), "is neither a DNS name nor an IP address") {
			t.Errorf("%q gives the error %v", host, err)
		}
	}
}

func TestFlagsOfALightningNetworkThatCannotBeWrittenAreNamed(t *testing.T) {
	for want, set := range map[string]func(*Lightning){
		"--expose-host needs a type":           func(f *Lightning) { f.ExposeHosts = []string{"a"} },
		`--expose-host "a b" is neither`:       func(f *Lightning) { f.Expose, f.ExposeHosts = "NodePort", []string{"a b"} },
		`--expose-host "192.0.2.300" is`:       func(f *Lightning) { f.Expose, f.ExposeHosts = "NodePort", []string{"192.0.2.300"} },
		`--expose "inside"`:                    func(f *Lightning) { f.Expose = "inside" },
		"no BitcoinNetwork is named":           func(f *Lightning) { f.BitcoinNetwork = "" },
		`--channel "0-1" is not a channel`:     func(f *Lightning) { f.Channels = []string{"0-1"} },
		`--channel "01:5" is not a channel`:    func(f *Lightning) { f.Channels = []string{"01:5"} },
		`"1-1:20000" is from node 1 to itself`: func(f *Lightning) { f.Channels = []string{"1-1:20000"} },
		`push less than 20000 satoshis`:        func(f *Lightning) { f.Channels = []string{"0-1:20000,push=20000"} },
		`-1-2:5" is not a channel`:             func(f *Lightning) { f.Channels = []string{"-1-2:5"} },
		"--push 20001 is the whole capacity":   func(f *Lightning) { f.Topology, f.Capacity, f.Push = "ring", "20000", "20001" },
		"names node 3, which":                  func(f *Lightning) { f.Channels = []string{"0-3:20000"} },
		`the amount "much"`:                    func(f *Lightning) { f.Channels = []string{"0-1:much"} },
		`the amount "0.5"`:                     func(f *Lightning) { f.Channels = []string{"0-1:20000,push=0.5"} },
		`has the count "0"`:                    func(f *Lightning) { f.Channels = []string{"0-1:20000,count=0"} },
		`which is neither push=AMOUNT`:         func(f *Lightning) { f.Channels = []string{"0-1:20000,public"} },
		"are those of --topology":              func(f *Lightning) { f.Capacity = "20000" },
		`--topology "torus" does not exist`:    func(f *Lightning) { f.Topology, f.Capacity = "torus", "20000" },
		"exclude each other":                   func(f *Lightning) { f.Topology, f.Capacity, f.Channels = "ring", "20000", []string{"0-1:20000"} },
		"needs the capacity":                   func(f *Lightning) { f.Topology = "ring" },
		`the amount "-5"`:                      func(f *Lightning) { f.Topology, f.Capacity, f.Push = "ring", "20000", "-5" },
		`--config "feerate" is not`:            func(f *Lightning) { f.Config = []string{"feerate"} },
		"--config has alias twice":             func(f *Lightning) { f.Config = []string{"alias=a", "alias=b"} },
		`--storage "much"`:                     func(f *Lightning) { f.Storage = "much" },
		`--limits cpu="lots"`:                  func(f *Lightning) { f.Limits = map[string]string{"cpu": "lots"} },
	} {
		if _, err := lightningSpec(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, and should have %q", err, want)
		}
	}
}
