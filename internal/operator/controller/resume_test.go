package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// An operator that starts more often than every five minutes would wait for ever for a node that does not sync. The time after which it
// proceeds is measured from the last apply and from the node's oldest connection.
func TestARestartedOperatorWaitsForTheRestOfTheTime(t *testing.T) {
	const over, left = syncTimeout + time.Minute, syncTimeout - time.Minute
	none := time.Duration(-1)
	for name, test := range map[string]struct {
		applied, connected time.Duration // ago; none for never
		sinceRestart       time.Duration
		waits              bool
	}{
		"the time is over":                         {over, over, 0, false},
		"the last apply was later":                 {left, over, 0, true},
		"the node was connected later":             {over, left, 0, true},
		"the time is over a minute later":          {over, left, 2 * time.Minute, false},
		"the node has no connection":               {over, none, left, true},
		"the node has had none for the whole time": {over, none, over, false},
		"the node's clock is ahead":                {over, -time.Hour, left, true},
		"its clock was ahead for the whole time":   {over, -time.Hour, over, false},
		"nothing was ever applied":                 {none, over, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := threeGroups(t, unchanged, image("2"))
			r.in.now = time.Unix(2_000_000_000, 0)
			set := r.desiredSets["net-sts"]
			r.sets["net-sts"] = set
			set.ManagedFields = []metav1.ManagedFieldsEntry{
				{Manager: "kube-controller-manager", Subresource: "status", Time: ptr.To(metav1.NewTime(r.in.now))},
			}
			if test.applied != none {
				set.ManagedFields = append(set.ManagedFields, metav1.ManagedFieldsEntry{
					Manager: resources.FieldManager, Operation: metav1.ManagedFieldsOperationApply, Time: ptr.To(metav1.NewTime(r.in.now.Add(-test.applied))),
				})
			}
			r.restartOperator()
			r.setChain(0, "a")
			if test.connected != none {
				r.in.nodes[0].answer.peers = []bitcoind.PeerInfo{
					{ConnectedAt: r.in.now.Add(-test.connected).Unix()}, {ConnectedAt: r.in.now.Add(-test.connected + time.Second).Unix()},
				}
			}
			r.in.now = r.in.now.Add(test.sinceRestart)
			r.proceed()
			if got := r.waits(t, "net-a-sts"); got != test.waits {
				t.Errorf("the next StatefulSet waits: %v, want %v", got, test.waits)
			}
		})
	}
}

// What a node may still dial is not known after a restart in the middle of a change. A full mesh has no wrong connection.
func TestAChangeOfConnectionsSettlesAfterARestart(t *testing.T) {
	line := v1.BitcoinNetworkSpec{Nodes: 3, Topology: &v1.Topology{Type: v1.TopologyLine}}
	split := v1.BitcoinNetworkSpec{Nodes: 3, Partitions: []v1.Partition{{Nodes: []int32{0}}}}
	for name, test := range map[string]struct {
		spec      v1.BitcoinNetworkSpec
		connected metav1.ConditionStatus // "" for a network without a status
		observed  int64
		settles   bool
	}{
		"a new network":                        {line, "", 0, false},
		"a network without a change":           {line, metav1.ConditionTrue, 2, false},
		"a line that is being connected":       {line, metav1.ConditionFalse, 2, true},
		"a partition that begins":              {split, metav1.ConditionFalse, 2, true},
		"a change that has not been reported":  {split, metav1.ConditionTrue, 1, true},
		"a mesh that is being connected":       {v1.BitcoinNetworkSpec{Nodes: 3}, metav1.ConditionFalse, 2, false},
		"a mesh whose change was not reported": {v1.BitcoinNetworkSpec{Nodes: 3}, metav1.ConditionTrue, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_000_000, 0)
			network := testNetwork(test.spec)
			network.Generation = 2
			if test.connected != "" {
				network.Status.Conditions = []metav1.Condition{{Type: v1.ConditionConnected, Status: test.connected, ObservedGeneration: test.observed}}
			}
			state := newNetworkState(network)
			state.resumeSettling(network, 3, now)
			want := time.Time{}
			if test.settles {
				want = now.Add(topology.LongestSettlingTime)
			}
			if got := state.shared.allSettledAt(); !got.Equal(want) {
				t.Errorf("it settles at %s, want %s", got, want)
			}
			state.resumeSettling(network, 3, now.Add(time.Hour))
			if got := state.shared.allSettledAt(); !got.Equal(want) {
				t.Errorf("a later pass lets it settle until %s", got)
			}
		})
	}
}
