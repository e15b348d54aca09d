package controller

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The genesis block of every regtest chain is of 2011; it does not count as the last block.
func TestTheAgeOfTheLastBlockIsAbsentBeforeTheFirst(t *testing.T) {
	for height, want := range map[int64]bool{0: false, 1: true} {
		states := newStateStore()
		state := states.of(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net"}})
		state.shared.observe(&v1.BitcoinNetworkStatus{Height: height}, chainComparison{branches: []tip{{height: height, time: 1296688602}}})
		families, err := registryOf(t, states).Gather()
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

// A block is at least a second later than the median of the eleven before it: a hundred blocks at once end in the future.
func TestTheAgeOfTheLastBlockIsNeverNegative(t *testing.T) {
	states := newStateStore()
	state := states.of(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "net"}})
	state.shared.observe(&v1.BitcoinNetworkStatus{Height: 1}, chainComparison{branches: []tip{{height: 1, time: time.Now().Add(time.Minute).Unix()}}})
	families, err := registryOf(t, states).Gather()
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

func registryOf(t *testing.T, states *stateStore) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(networkCollector{states}); err != nil {
		t.Fatal(err)
	}
	return registry
}

// Two managers in one process, as in tests, have a registry each.
func TestEachRegistryHasItsOwnMetrics(t *testing.T) {
	for range 2 {
		registry := prometheus.NewPedanticRegistry()
		observe, err := registerMetrics(registry, newStateStore())
		if err != nil {
			t.Fatal(err)
		}
		observe("getpeerinfo", time.Second, errFake)
		if families, err := registry.Gather(); len(families) != 2 || err != nil {
			t.Errorf("%d metrics, %v", len(families), err)
		}
		if _, err := registerMetrics(registry, newStateStore()); err == nil {
			t.Error("one registry was used twice")
		}
	}
}
