package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lightning is a network of three nodes of which two are reported.
func lightning() *v1.LightningNetwork {
	network := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: "ln"}, Spec: v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 3}}
	network.Status = v1.LightningNetworkStatus{
		ReadyNodes: 2, ActiveChannels: 1, DesiredChannels: 2,
		Nodes: []v1.LightningNodeStatus{
			{Ordinal: 0, Ready: true, Synced: true, PubKey: "02aa", Alias: "ln-0", Height: 120, WalletBalance: 50, ChannelBalance: 70},
			{Ordinal: 1, Ready: true, BitcoinNode: 4, Alias: "\u202e\x1b[31m<b>" + strings.Repeat("x", 500)},
		},
		Conditions: []metav1.Condition{
			{Type: v1.LightningConditionReady, Status: metav1.ConditionFalse, Reason: "ChannelsMissing", Message: "channel 1-2\nis missing"},
			{Type: v1.LightningConditionSynced, Status: metav1.ConditionTrue, Reason: "Synced"},
		},
	}
	return network
}

// value is one of the values of a network, as a page gets it.
func value(t *testing.T, network *v1.LightningNetwork, key string) string {
	t.Helper()
	of := OfLightning(network)[key]
	text, err := json.Marshal(of)
	if of == nil || err != nil {
		t.Fatalf("%s: %v, %v", key, of, err)
	}
	return string(text)
}

func TestALightningNetworkHasItsStateAndItsNodes(t *testing.T) {
	network := lightning()
	for key, want := range map[string]string{
		LightningKey("ln"): `{"bitcoin":"net","nodes":3,"ready":2,"active":1,"desired":2,"state":"ChannelsMissing","good":false,"message":"channel 1-2\\nis missing",` +
			`"conditions":[{"type":"Synced","status":"True","reason":"Synced"}]}`,
		LNDKey("ln", 0): `{"ordinal":0,"pod":"ln-lnd-0","ready":true,"synced":true,"bitcoin":0,"alias":"ln-0","pubkey":"02aa","height":120,"wallet":50,"channels":70}`,
		LNDKey("ln", 2): `{"ordinal":2,"pod":"ln-lnd-2","ready":false,"synced":false,"bitcoin":-1,"height":0,"wallet":0,"channels":0}`,
	} {
		if got := value(t, network, key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if len(OfLightning(network)) != 4 {
		t.Errorf("the values are %v", OfLightning(network))
	}
	if got := value(t, &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, LightningKey("new")); !strings.Contains(got, `"state":"Unknown","good":false}`) {
		t.Errorf("a network that the operator has not seen is %s", got)
	}
}

// What a node announces may be anything.
func TestAnAliasIsOneShortLineWithoutControlCharacters(t *testing.T) {
	node, ok := OfLightning(lightning())[LNDKey("ln", 1)].(LND)
	if !ok || strings.ContainsAny(node.Alias, "\u202e\x1b\n") || !strings.Contains(node.Alias, "<b>x") || len([]rune(node.Alias)) != maxText+1 {
		t.Errorf("the alias is %q", node.Alias)
	}
}

func TestEachStateOfAChannelHasAKind(t *testing.T) {
	for state, want := range map[v1.LightningChannelState]ChannelKind{
		v1.LightningChannelMissing: "wanted", v1.LightningChannelOpening: "wanted", v1.LightningChannelPending: "wanted", v1.LightningChannelActive: "active",
		v1.LightningChannelInactive: "lost", v1.LightningChannelStale: "lost", v1.LightningChannelClosing: "closing", v1.LightningChannelForceClosing: "closing",
		"OfANewerOperator": "wanted",
	} {
		network := lightning()
		network.Status.Channels = []v1.LightningChannelStatus{{From: 1, To: 2, Index: 3, State: state, Capacity: 100, FromBalance: 60, ToBalance: 30, ShortID: "1x2x3", Message: "a\tb"}}
		want := fmt.Sprintf(`{"from":1,"to":2,"kind":%q,"state":%q,"capacity":100,"fromBalance":60,"toBalance":30,"shortID":"1x2x3","message":"a\\tb"}`, want, state)
		if got := value(t, network, "ln/ln/channel/1-2-3"); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
	}
}

// A channel that takes the place of one that is being closed has the same numbers.
func TestTwoChannelsWithTheSameNumbersAreBothShown(t *testing.T) {
	network := lightning()
	for _, state := range []v1.LightningChannelState{v1.LightningChannelActive, v1.LightningChannelForceClosing, v1.LightningChannelClosing} {
		network.Status.Channels = append(network.Status.Channels, v1.LightningChannelStatus{From: 0, To: 1, State: state})
	}
	kinds := ""
	for _, of := range OfLightning(network) {
		if channel, ok := of.(Channel); ok {
			kinds += string(channel.Kind)
		}
	}
	if len(kinds) != len("active")+2*len("closing") {
		t.Errorf("the channels are %s", kinds)
	}
}
