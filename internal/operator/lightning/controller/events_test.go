package controller

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// withRows is a status with other channels.
func withRows(s v1.LightningNetworkStatus, rows ...v1.LightningChannelStatus) v1.LightningNetworkStatus {
	s.Channels = rows
	return s
}

func TestTransitionsAreRecordedOnce(t *testing.T) {
	status := func(ready bool, key string, state v1.LightningChannelState, active bool) v1.LightningNetworkStatus {
		s := v1.LightningNetworkStatus{
			ObservedGeneration: 1, DesiredChannels: 1, Nodes: []v1.LightningNodeStatus{{PodName: "ln-lnd-0", Ready: ready, PubKey: key}},
			Channels: []v1.LightningChannelStatus{{To: 1, State: state, Point: "a:0"}},
		}
		conditionSet{channelsActive: condition.Result{Met: active, Reason: "R"}}.setIn(&s.Conditions, 1)
		return s
	}
	whole := status(true, "02a", v1.LightningChannelActive, true)
	for name, test := range map[string]struct {
		before, now v1.LightningNetworkStatus
		want        string
	}{
		"nothing":           {whole, whole, ""},
		"the first pass":    {v1.LightningNetworkStatus{ObservedGeneration: -1}, status(false, "", v1.LightningChannelMissing, false), "Created"},
		"ready":             {status(false, "", v1.LightningChannelPending, false), whole, "NodeReady ChannelsActive"},
		"a lost node":       {whole, status(false, "02a", v1.LightningChannelInactive, false), "NodeLost"},
		"a lost wallet":     {whole, status(true, "02b", v1.LightningChannelMissing, false), "IdentityLost ChannelLost"},
		"scaled":            {v1.LightningNetworkStatus{ObservedGeneration: 1}, whole, "Scaled NodeReady ChannelsActive"},
		"a channel is gone": {whole, status(true, "02a", v1.LightningChannelMissing, false), "ChannelLost"},
		"it is gone after its node did not answer": {
			status(true, "02a", v1.LightningChannelInactive, false), status(true, "02a", v1.LightningChannelMissing, false), "ChannelLost",
		},
		"it is gone before it was announced": {
			status(true, "02a", v1.LightningChannelPending, false), status(true, "02a", v1.LightningChannelMissing, false), "ChannelLost",
		},
		"it is abandoned": {
			status(true, "02a", v1.LightningChannelOpening, false), status(true, "02a", v1.LightningChannelMissing, false), "",
		},
		"it is closed by force since it was stale": {
			status(true, "02a", v1.LightningChannelStale, false), status(true, "02a", v1.LightningChannelMissing, false), "",
		},
		"another capacity is desired": {whole, withRows(whole,
			v1.LightningChannelStatus{To: 1, State: v1.LightningChannelMissing, Capacity: 5}, v1.LightningChannelStatus{To: 1, State: v1.LightningChannelClosing, Point: "a:0"},
		), ""},
		"LND has closed it": {whole, withRows(whole,
			v1.LightningChannelStatus{To: 1, State: v1.LightningChannelMissing}, v1.LightningChannelStatus{To: 1, State: v1.LightningChannelForceClosing, Point: "a:0"},
		), "ChannelLost"},
		"it serves another entry": {whole, withRows(whole,
			v1.LightningChannelStatus{To: 1, State: v1.LightningChannelMissing}, v1.LightningChannelStatus{To: 1, Index: 1, State: v1.LightningChannelActive, Point: "a:0"},
		), ""},
		"it is missing still": {status(true, "02a", v1.LightningChannelMissing, false), status(true, "02a", v1.LightningChannelMissing, false), ""},
	} {
		var got []string
		for _, e := range transitions(test.before, &v1.LightningNetwork{Status: test.now}) {
			got = append(got, e.Reason)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %q", name, got, test.want)
		}
	}
}
