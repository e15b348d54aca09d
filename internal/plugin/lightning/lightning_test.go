package lightning

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var update = flag.Bool("update", false, "write the golden files")

// read decodes what lncli of LND 0.21 has printed.
func read[T any](t *testing.T, file string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	var answer T
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return answer
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got+"\n" {
		t.Errorf("%s differs (%v); if it should, run go test ./internal/plugin/lightning -update\n%s", path, err, got)
	}
}

const (
	first  = "02c9dbf9f0eb0f2e262497065ad7ad4bf92f03aef5bbf1a6a0afa0bd051f21c07a"
	second = "027f5da81fd752de7dfb9489b388233a487b760acaab048dc8188569d282087c1e"
	third  = "036cf39c348099462507948dd3d30a825edb18aa3684037ef24969b6cbf03129b2"
	left   = "35d13e97a8291f3ceb899ba6c430792c099af8da788cabc5f2a2899275fadcac:0"
	right  = "d23a08ce778cc1cbd1d1ef5e395322ed85e9338164221ec97b703d7bd1afb2e8:0"
)

// network is the one of the files: node 0 pays node 2 through node 1.
func network() *v1.LightningNetwork {
	n := &v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: "my-lightning"}}
	n.Spec = v1.LightningNetworkSpec{Nodes: 3, Channels: []v1.LightningChannel{
		{From: 0, To: 1, Capacity: 1_000_000, Push: 200_000}, {From: 1, To: 2, Capacity: 500_000},
	}}
	n.Status = v1.LightningNetworkStatus{
		ReadyNodes: 3, ActiveChannels: 2, DesiredChannels: 2,
		Conditions: []metav1.Condition{{Type: v1.LightningConditionReady, Status: metav1.ConditionTrue, Reason: "Ready"}},
		Nodes:      []v1.LightningNodeStatus{{Ordinal: 0, PubKey: first}, {Ordinal: 1, PubKey: second}, {Ordinal: 2, PubKey: third}},
		Channels: []v1.LightningChannelStatus{
			{From: 0, To: 1, State: v1.LightningChannelActive, Capacity: 1_000_000, Point: left, ShortID: "103x1x0"},
			{From: 1, To: 2, State: v1.LightningChannelActive, Capacity: 500_000, Point: right, ShortID: "103x2x0"},
		},
	}
	return n
}

func lists(t *testing.T) map[int][]OpenChannel {
	t.Helper()
	answers := map[int][]OpenChannel{}
	for i, file := range []string{"listchannels-0.json", "listchannels-1.json", "listchannels-2.json"} {
		answers[i] = read[OpenChannels](t, file).Channels
	}
	return answers
}

func TestBalancesHaveARowForEachNode(t *testing.T) {
	var balances []Balance
	for i, pod := range []string{"my-lightning-lnd-0", "my-lightning-lnd-1", "my-lightning-lnd-2"} {
		file := "balance-" + string(rune('0'+i)) + ".json"
		balances = append(balances, BalanceOf(i, pod, read[WalletBalance](t, "wallet"+file), read[ChannelBalance](t, "channel"+file)))
	}
	balances = append(balances, Balance{Node: 3, Pod: "my-lightning-lnd-3", PendingLocal: 7, Local: 1}, Balance{Node: 4, Pod: "my-lightning-lnd-4", Error: "away"})
	golden(t, "balances", BalanceTable(balances))
}

func TestChannelsHaveBothEnds(t *testing.T) {
	golden(t, "channels", ChannelTable(Channels(network(), lists(t))))
}

func TestANetworkWithoutChannelsHasAnEmptyList(t *testing.T) {
	none := &v1.LightningNetwork{Spec: v1.LightningNetworkSpec{Nodes: 1}}
	if raw, err := json.Marshal(Channels(none, nil)); err != nil || string(raw) != "[]" {
		t.Errorf("its channels are %s (%v)", raw, err)
	}
}

func TestChannelsThatAreNotAsDeclaredAreShown(t *testing.T) {
	n, answers := network(), lists(t)
	n.Spec.Channels = append(n.Spec.Channels[:1], v1.LightningChannel{From: 0, To: 2, Capacity: 30_000, Count: 2})
	n.Status.Channels[1].State, n.Status.Channels[1].Message = v1.LightningChannelClosing, "it waits for a block"
	n.Status.Nodes = n.Status.Nodes[:2] // node 2 has another key by now
	delete(answers, 2)
	answers[0] = append(answers[0], OpenChannel{Active: true, Remote: "03ffffffffffffffff", Point: "by-hand:0", ShortID: "1x1x0", Capacity: 20_000, Local: 5, RemoteHas: 9})
	stale := answers[1][0]
	stale.ShortID = "99x1x0"
	answers[1] = []OpenChannel{stale, answers[1][1]}
	golden(t, "trouble", ChannelTable(Channels(n, answers)))
}

func graphs(t *testing.T) map[int]Graph {
	t.Helper()
	return map[int]Graph{0: read[Graph](t, "describegraph-0.json"), 1: read[Graph](t, "describegraph-1.json"), 2: read[Graph](t, "describegraph-2.json")}
}

func TestTheGraphHasWhoDoesNotKnowAChannelYet(t *testing.T) {
	n := network()
	golden(t, "graph", MapOf(graphs(t), NamesOf(n)).Tree(n).String())
	some := graphs(t)
	some[0] = read[Graph](t, "describegraph-early.json")
	early := MapOf(some, NamesOf(n))
	golden(t, "graph-early", early.Tree(n).String())
	if some[0].Usable(right) || !some[2].Usable(right) || some[2].Usable("other:0") {
		t.Error("a channel without the policies of both ends can be used, or one with them cannot")
	}
	none := MapOf(map[int]Graph{0: {}}, Names{})
	if raw, err := json.Marshal(none); err != nil || string(raw) != `{"asked":[0],"nodes":[],"edges":[]}` {
		t.Errorf("an empty graph is %s (%v)", raw, err)
	}
}

func TestDOTQuotesWhatForeignNodesAnnounce(t *testing.T) {
	all := graphs(t)
	all[0].Nodes[0].Alias = `a"];x\`
	got := MapOf(map[int]Graph{0: all[0]}, Names{}).DOT("my-lightning")
	if !strings.Contains(got, `[label="a\"];x\\"];`) || strings.Count(got, " -- ") != 2 || !strings.HasPrefix(got, "graph \"my-lightning\" {\n") {
		t.Errorf("it is %s", got)
	}
}

func TestAPaymentHasItsRouteAndExactFee(t *testing.T) {
	payment := read[Payment](t, "paid.json")
	if !payment.Succeeded() {
		t.Fatal("it did not succeed")
	}
	golden(t, "paid", PaidBy(0, 2, 1000, payment, NamesOf(network())).Text())
	payment.Attempts = append(payment.Attempts, payment.Attempts[0])
	if got := PaidBy(0, 2, 2000, payment, Names{}).Text(); strings.Count(got, ", 1000 satoshis") != 2 || !strings.Contains(got, "-> "+second[:keyLength]) {
		t.Errorf("in two parts, between foreign nodes: %s", got)
	}
	for msat, want := range map[int64]string{0: "0", 1000: "1", 1001: "1.001", 1010: "1.01", 1500: "1.5", 1: "0.001"} {
		if got := Msat(msat); got != want {
			t.Errorf("%d are %s, and should be %s", msat, got, want)
		}
	}
}

func TestAPaymentThatFailedHasTheReasonInOneSentence(t *testing.T) {
	for file, want := range map[string]string{
		"no-route.json":     "node 0 did not pay 7 satoshis to node 2: FAILURE_REASON_NO_ROUTE, no route has enough capacity; kubectl btcnet ln graph net/0 shows the channels that node 0 knows",
		"insufficient.json": "node 0 did not pay 7 satoshis to node 2: FAILURE_REASON_INSUFFICIENT_BALANCE, the channels of node 0 have too little on its side; kubectl btcnet ln channels net shows the balances",
		"timeout.json":      "node 0 did not pay 7 satoshis to node 2: FAILURE_REASON_TIMEOUT, the time was over before a route worked; --timeout gives it more; the last of 3 attempts ended at node 1 with TEMPORARY_CHANNEL_FAILURE",
	} {
		payment := read[Payment](t, file)
		names := Names{}
		if len(payment.Attempts) > 0 { // another network
			names[payment.Attempts[0].Route.Hops[0].PubKey] = 1
		}
		failed := &Failed{Network: "net", From: "0", Pod: "net-lnd-0", To: "2", Satoshis: 7, Payment: payment, Names: names}
		if got := failed.Error(); payment.Succeeded() || got != want {
			t.Errorf("%s: %s", file, got)
		}
	}
	failed := &Failed{From: "0", To: "1", Payment: Payment{Failure: "FAILURE_\x1b[2J"}}
	if got := failed.Error(); strings.Contains(got, "\x1b") {
		t.Errorf("control characters of LND are in %q", got)
	}
}

func TestShortIDsAreThoseOfLNCLI(t *testing.T) {
	for number, want := range map[string]string{`"113249697726464"`: "103x1x0", "113249697792000": "103x2x0", `"1099511693313"`: "1x1x1"} {
		var id ShortID
		if err := json.Unmarshal([]byte(number), &id); err != nil || id.String() != want {
			t.Errorf("%s is %s, and should be %s (%v)", number, id, want, err)
		}
	}
	var id ShortID
	if err := json.Unmarshal([]byte(`"x"`), &id); err == nil {
		t.Error("a word is an id")
	}
}
