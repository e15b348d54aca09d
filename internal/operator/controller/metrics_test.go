package controller

import (
	"testing"
	"time"

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
		families, err := registryOf(t, all).Gather()
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

// Each block is at least a second later than the middle one of the eleven before it, so that a hundred at once end in the future.
func TestTheAgeOfTheLastBlockIsNeverNegative(t *testing.T) {
	all := newMemories()
	m := all.of(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net"}})
	m.remember(&v1.BitcoinNetworkStatus{Height: 1}, chainView{branches: []tip{{height: 1, time: time.Now().Add(time.Minute).Unix()}}})
	families, err := registryOf(t, all).Gather()
	if err != nil {
		t.Fatal(err)
	}
	age := -1.0
	for _, family := range families {
		if family.GetName() == "bitcoin_network_seconds_since_last_block" {
			age = family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	if age != 0 {
		t.Errorf("%g seconds", age)
	}
}

func registryOf(t *testing.T, m *memories) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(networkCollector{m}); err != nil {
		t.Fatal(err)
	}
	return registry
}
