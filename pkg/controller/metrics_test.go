package controller

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The first block of every regtest chain is of 2011; a network that has no other has no age of its last block.
func TestTheAgeOfTheLastBlockIsAbsentBeforeTheFirst(t *testing.T) {
	for height, want := range map[int64]bool{0: false, 1: true} {
		all := newMemories()
		m := all.of(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net"}})
		m.remember(&v1.BitcoinNetworkStatus{Height: height}, chainView{branches: []tip{{height: height, time: 1296688602}}})
		registry := prometheus.NewPedanticRegistry()
		if err := registry.Register(networkCollector{all}); err != nil {
			t.Fatal(err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, family := range families {
			got[family.GetName()] = true
		}
		if !got["bitcoin_network_height"] || got["bitcoin_network_seconds_since_last_block"] != want {
			t.Errorf("height %d: %v", height, got)
		}
	}
}
