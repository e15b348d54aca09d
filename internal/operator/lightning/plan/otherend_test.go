package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The opener reports a channel as open and active in each case.
func TestAChannelThatTheOtherEndDoesNotHaveIsNotActive(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(to *Node)
		state   v1.LightningChannelState
		message string
	}{
		"the other end reports the same":       {func(*Node) {}, v1.LightningChannelActive, ""},
		"the other end has no channel":         {func(to *Node) { to.State.Channels = []api.Channel{} }, v1.LightningChannelStale, "node 1 does not have the channel"},
		"the other end has other channels":     {func(to *Node) { to.State.Channels[0].Point = "another" }, v1.LightningChannelStale, "node 1 does not have the channel"},
		"the other end does not list channels": {func(to *Node) { to.State.Channels = nil }, v1.LightningChannelInactive, "node 1 does not answer"},
		"the other end is silent":              {func(to *Node) { to.State = nil }, v1.LightningChannelInactive, "node 1 does not answer"},
		"the other end opens it":               {func(to *Node) { to.State.Channels[0].State = api.PendingOpen }, v1.LightningChannelPending, "node 1 does not report it as open yet"},
		"the other end closes it":              {func(to *Node) { to.State.Channels[0].State = api.ForceClosing }, v1.LightningChannelInactive, "node 1 is closing it"},
		"the other end reports it as inactive": {func(to *Node) { to.State.Channels[0].Active = false }, v1.LightningChannelInactive, "node 1 reports it as inactive"},
		"the other end has another id of it":   {func(to *Node) { to.State.Channels[0].ShortID = "9x9x9" }, v1.LightningChannelStale, "and 9x9x9"},
		"the other end has no id of it":        {func(to *Node) { to.State.Channels[0].ShortID = "" }, v1.LightningChannelPending, "short channel ids"},
		"the other end lacks a policy":         {func(to *Node) { to.State.Channels[0].Policies = 1 }, v1.LightningChannelPending, "not both ends know the policies"},
		"the other end has not announced it":   {func(to *Node) { to.State.Channels[0].Announced = false }, v1.LightningChannelPending, "it is not announced yet"},
		"the other end has another key":        {func(to *Node) { to.State.Info.PubKey = "another" }, v1.LightningChannelStale, "node 1 has another key"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSimulation(t, 1, line(2, open(0, 1, 1_000_000)))
			l.ready()
			l.change = func(in *Inputs) {
				info := *in.Nodes[1].State.Info
				in.Nodes[1].State.Info, in.Nodes[1].State.Channels = &info, slices.Clone(in.Nodes[1].State.Channels)
				test.change(&in.Nodes[1])
			}
			p := New(l.inputs())
			active := test.state == v1.LightningChannelActive
			if len(p.Channels) != 1 || p.Channels[0].State != test.state || !strings.Contains(p.Channels[0].Message, test.message) || active != (p.Channels[0].Message == "") {
				t.Fatalf("channels %+v, want %s, %q", p.Channels, test.state, test.message)
			}
			if p.ChannelsActive.Met != active || (p.Active == 1) != active {
				t.Errorf("%d channels are active, and the condition is %+v", p.Active, p.ChannelsActive)
			}
		})
	}
}
