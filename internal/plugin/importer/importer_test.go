package importer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func imported(t *testing.T, s Source) *Result {
	t.Helper()
	r, err := Import(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func namesOf(nodes []node) []string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.name)
	}
	return list
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestANetworkOfPolarIsImported(t *testing.T) {
	r := imported(t, Source{File: "polar.json", Data: sample(t, "polar.json")})
	// Each LND has the bitcoind that it had: 0, 1 and 2 of the other order.
	same(t, "nodes", []string{"backend1", "backend3", "backend2"}, namesOf(r.bitcoin))
	same(t, "LND nodes", []string{"north", "south", "west"}, namesOf(r.lightning))
	spec := r.Bitcoin.Spec
	if r.Bitcoin.Name != "three-merchants-129bbe" || r.Lightning.Name != "three-merchants-129bbe" || r.Lightning.Spec.BitcoinNetwork != "three-merchants-129bbe" {
		t.Errorf("the names are %s, %s of %s", r.Bitcoin.Name, r.Lightning.Name, r.Lightning.Spec.BitcoinNetwork)
	}
	same(t, "edges", []v1.Edge{{From: 0, To: 2}, {From: 1, To: 2}}, spec.Topology.Edges)
	if spec.Nodes != 3 || spec.Topology.Type != v1.TopologyCustom || spec.Mining.Interval.Duration != 30*time.Second || *spec.Mining.Node != 0 || spec.ZMQ == nil {
		t.Errorf("the spec is %+v", spec)
	}
	same(t, "channels", []v1.LightningChannel{
		{From: 0, To: 1, Capacity: 10_000_000, Push: 2_500_001},
		{From: 1, To: 2, Capacity: 500_000, Private: true},
		{From: 2, To: 0, Capacity: 300_000},
	}, r.Lightning.Spec.Channels)
	same(t, "not imported", []string{
		`startup commands: "backend3"`,
		`nodes that run "c-lightning": "east"`,
		`nodes that run "tapd": "north-tap"`,
		`channels that are being closed: "west" to "south"`,
		`channels with nodes that are not imported: "north" to "east"`,
		`different versions of bitcoind, of which all nodes get the same one: "bitcoind 30.0", "bitcoind 29.0"`,
	}, r.NotImported)
}

func TestANetworkOfWarnetIsImported(t *testing.T) {
	r := imported(t, Source{File: "network.yaml", Folder: "warnet", Data: sample(t, "warnet/network.yaml"), Defaults: sample(t, "warnet/node-defaults.yaml")})
	same(t, "nodes", []string{"tank-a", "tank-b", "miner", "tank-c"}, namesOf(r.bitcoin))
	same(t, "LND nodes", []string{"tank-a-ln", "tank-b-ln"}, namesOf(r.lightning))
	same(t, "edges", []v1.Edge{{From: 0, To: 1}, {From: 1, To: 2}, {From: 0, To: 2}}, r.Bitcoin.Spec.Topology.Edges)
	same(t, "channels", []v1.LightningChannel{{From: 0, To: 1, Capacity: 1_500_000, Push: 500_000}, {From: 1, To: 0, Capacity: 20_000}}, r.Lightning.Spec.Channels)
	same(t, "not imported", []string{
		`the value of "caddy": the network`,
		`the value of "metricsExport": all nodes (node-defaults.yaml)`,
		`the value of "defaultConfig": all nodes (node-defaults.yaml)`,
		`the value of "resources": "miner"`,
		`the value of "config": "tank-a"`,
		`the value of "lnd.config": "tank-a"`,
		`nodes that run Core Lightning: "tank-c-ln"`,
		`short channel ids: "tank-a-ln" to "tank-b-ln", "tank-a-ln" to "tank-c-ln", "tank-b-ln" to "tank-a-ln"`,
		`policies of channels: "tank-a-ln" to "tank-b-ln"`,
		`connections with nodes that are not imported: "tank-a" to "outpost.default"`,
		`channels with nodes that are not imported: "tank-a-ln" to "tank-c-ln"`,
		`channels of less than 20000 or more than 1000000000 satoshis: "tank-b-ln" to "tank-a-ln" with 19999`,
		`different versions of bitcoind, of which all nodes get the same one: "bitcoindevproject/bitcoin:28.1", "bitcoindevproject/bitcoin:29.0"`,
	}, r.NotImported)
}

// polar is an export with these nodes of bitcoind and LND, "name@backend", and links.
func polar(bitcoin, lnd, links string) string {
	nodes := func(list, kind string) string {
		var out []string
		for name := range strings.FieldsSeq(list) {
			name, backend, _ := strings.Cut(name, "@")
			out = append(out, `{"name":"`+name+`","implementation":"`+kind+`","version":"1","backendName":"`+backend+`"}`)
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	return `{"network":{"id":1,"name":"p","nodes":{"bitcoin":` + nodes(bitcoin, "bitcoind") + `,"lightning":` + nodes(lnd, "LND") + `}},"chart":{"links":{` + links + `}}}`
}

func TestEachLNDKeepsItsBitcoindWherePossible(t *testing.T) {
	const another = "the bitcoind of an LND, which uses another one now: "
	for name, c := range map[string]struct{ bitcoin, lnd, order, lost string }{
		"in turn":           {"a b", "x@a y@b z@a", "a b", ""},
		"one for each":      {"a b c d", "x@d y@b", "d b a c", ""},
		"all at one":        {"a b", "x@b y@b", "a b", another + `"x" used "b", and uses "a"`},
		"a missing one":     {"a", "x@gone", "a", another + `"x" used "gone", and uses "a"`},
		"two at the second": {"a b", "x@a y@b z@b", "a b", another + `"z" used "b", and uses "a"`},
		"none":              {"a b", "", "a b", ""},
	} {
		r := imported(t, Source{Data: []byte(polar(c.bitcoin, c.lnd, ""))})
		if got := strings.Join(namesOf(r.bitcoin), " "); got != c.order || strings.Join(r.NotImported, "; ") != c.lost {
			t.Errorf("%s: the order is %q, with %q lost", name, got, r.NotImported)
		}
		if (r.Lightning == nil) != (c.lnd == "") {
			t.Errorf("%s: the Lightning network is %+v", name, r.Lightning)
		}
	}
}

func TestOneOfSeveralNetworksOfPolarIsChosen(t *testing.T) {
	one := func(id, name string) string {
		lnd := func(name string) string {
			return `{"name":"` + name + `","implementation":"LND","backendName":"b` + id + `"}`
		}
		return `{"id":` + id + `,"name":"` + name + `","nodes":{"bitcoin":[{"name":"b` + id + `","implementation":"bitcoind"}],
			"lightning":[` + lnd("l") + "," + lnd("m") + "]}}"
	}
	link := func(capacity string) string {
		return `{"links":{"c":{"from":{"nodeId":"m"},"to":{"nodeId":"l"},
			"properties":{"type":"open-channel","capacity":"` + capacity + `","toBalance":"0"}}}}`
	}
	text := []byte(`{"version":"4.0.0","networks":[` + one("1", "first") + "," + one("2", "second") + `],
		"charts":{"1":` + link("30000") + `,"2":` + link("40000") + `}}`)
	r := imported(t, Source{Data: text, Network: "second", Name: "other"})
	if r.Bitcoin.Name != "other" || r.bitcoin[0].name != "b2" || r.Lightning.Spec.Channels[0] != (v1.LightningChannel{From: 1, To: 0, Capacity: 40_000}) {
		t.Errorf("the result is %+v", r.Lightning)
	}
	for network, want := range map[string]string{
		"": `has 2 networks: choose one of them with --network: "first", "second"`, "third": `choose one of them with --network: "first", "second"`,
	} {
		if _, err := Import(Source{Data: text, Network: network}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--network %q: %v", network, err)
		}
	}
}

func TestTheDefaultsOfWarnetAreThoseOfHelm(t *testing.T) {
	defaults := []byte("ln: {lnd: true}\nlnd: {image: {tag: v1, pullPolicy: Always}}\naddnode: [a]\n")
	r := imported(t, Source{
		Folder: "w", Defaults: defaults,
		Data: []byte("nodes: [{name: a, addnode: []}, {name: b}, {name: c, ln: null}, {name: d, ln: {lnd: no}}, {name: e, lnd: {image: {tag: v2}}}]"),
	})
	same(t, "LND nodes", []string{"a-ln", "b-ln", "e-ln"}, namesOf(r.lightning))
	same(t, "images", []string{`"v1"`, `"v1"`, `"v2"`}, []string{r.lightning[0].runs, r.lightning[1].runs, r.lightning[2].runs})
	if edges := len(r.Bitcoin.Spec.Topology.Edges); edges != 4 {
		t.Errorf("%d edges are imported, and should be those of b, c, d and e with a", edges)
	}
}

func TestCommentsNameTheNodes(t *testing.T) {
	text := imported(t, Source{Data: sample(t, "polar.json")}).Comments()
	for _, want := range []string{
		"# From the network \"Three Merchants!\" of Polar, by kubectl btcnet import.\n",
		"\n# BitcoinNetwork three-merchants-129bbe:\n#   node 0 is \"backend1\", which ran \"bitcoind 30.0\"\n",
		"\n#   node 2 is \"west\", which ran \"LND 0.20.0-beta\"\n", "\n# Not imported:\n#   startup commands: \"backend3\"\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the comments have no %q:\n%s", want, text)
		}
	}
	if text := imported(t, Source{Data: []byte(polar("a", "", ""))}).Comments(); strings.Contains(text, "Lightning") || strings.Contains(text, "Not imported") {
		t.Errorf("the comments are\n%s", text)
	}
}
