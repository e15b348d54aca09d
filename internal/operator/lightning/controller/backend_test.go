package controller

import (
	"slices"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

func TestAnotherBackendRestartsOneLNDAfterTheOther(t *testing.T) {
	backend := api.Backend{Host: "h", User: "lightning"}
	desired := backend.Digest()
	agent := func(digest, lnd string) node {
		return node{state: &api.State{Process: api.Running, Backend: digest, LND: lnd}, backend: &backend}
	}
	current, old, restarting, fresh := agent(desired, api.LNDActive), agent("old", api.LNDActive), agent(desired, api.LNDSyncing), agent("", "")
	password, silent, unknown := old, node{backend: &backend}, old
	password.otherCredential, unknown.backend = true, nil
	for name, test := range map[string]struct {
		nodes   []node
		updated bool
		want    []int
	}{
		"all have it":                     {[]node{current, current}, true, nil},
		"new pods":                        {[]node{fresh, fresh}, false, []int{0, 1}},
		"two with another":                {[]node{old, old}, true, []int{0}},
		"the first has it":                {[]node{current, old, old}, true, []int{1}},
		"the first restarts with it":      {[]node{restarting, old}, true, nil},
		"a later one restarts with it":    {[]node{old, restarting}, true, nil},
		"a new pod does not wait":         {[]node{restarting, fresh, old}, true, []int{1}},
		"a bitcoind is not as specified":  {[]node{old, old}, false, nil},
		"bitcoinds have another password": {[]node{password, password}, false, []int{0, 1}},
		"an agent that does not answer":   {[]node{silent, old}, true, []int{1}},
		"a bitcoind that does not answer": {[]node{unknown, old}, true, []int{1}},
	} {
		for i := range test.nodes {
			test.nodes[i].ordinal = i
		}
		var got []int
		for _, n := range handedOver(test.nodes, test.updated) {
			got = append(got, n.ordinal)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
