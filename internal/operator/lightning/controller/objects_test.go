package controller

import (
	"maps"
	"slices"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestServicesForBitcoindsStayWhileThereIsNone(t *testing.T) {
	stopped := &v1.BitcoinNetwork{}
	running := &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{Nodes: 2}}
	for name, test := range map[string]struct {
		bitcoin *v1.BitcoinNetwork
		nodes   int
		want    []string
	}{
		"a BitcoinNetwork that does not exist": {nil, 2, []string{"Service ln-lnd-0-bitcoind", "Service ln-lnd-1-bitcoind"}},
		"one that is stopped":                  {stopped, 1, []string{"Service ln-lnd-0-bitcoind"}},
		"one that runs has desired Services":   {running, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			desired := map[string]bool{}
			keepBackends(desired, "ln", test.bitcoin, test.nodes)
			if got := slices.Sorted(maps.Keys(desired)); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
