package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/streaming/pkg/httpstream"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func (w *world) prints(words []string, args ...string) {
	w.Helper()
	got := w.works(args...)
	for _, word := range words {
		if !strings.Contains(got, word) {
			w.Errorf("%q printed, without %q:\n%s", args, word, got)
		}
	}
}

func TestAPaymentIsPrintedWithItsRoute(t *testing.T) {
	w := newLightning(t)
	w.prints([]string{"node 0 paid 1000 satoshis to node 2, with a fee of 1.001 satoshis\nroute: 0 -103x1x0-> 1 -103x2x0-> 2\npayment hash: ", "\npreimage: "}, "ln", "pay", "ln", "0", "ln-lnd-2", "1000")
	if w.lnds.called("ln-lnd-2 addinvoice --amt=1000") != 1 || w.lnds.called("ln-lnd-0 payinvoice --force --json --timeout=1m0s lnbcrt") != 1 {
		t.Errorf("the calls are %q", w.lnds.calls)
	}
	var paid struct {
		FeeMsat int64
		Routes  []struct{ Hops []struct{ Node *int } }
	}
	if err := json.Unmarshal([]byte(w.works("ln", "pay", "ln", "0", "2", "0.00001btc", "-o", "json")), &paid); err != nil || paid.FeeMsat != 1001 || *paid.Routes[0].Hops[1].Node != 2 {
		t.Errorf("as JSON it is %+v (%v)", paid, err)
	}
	w.prints([]string{"feeMsat: 1001\n", "channel: 103x1x0\n"}, "ln", "pay", "ln", "0", "2", "1000", "-o", "yaml")
}

func TestAPaymentWaitsForTheChannelsThatThePayerDoesNotKnowYet(t *testing.T) {
	w := newLightning(t)
	w.lnds.payments = []string{"no-route.json", "paid.json"}
	w.lnds.graphs = []string{"describegraph-early.json", "describegraph-early.json", "describegraph-0.json"}
	w.works("ln", "pay", "ln", "0", "2", "1000")
	if w.lnds.called("ln-lnd-0 payinvoice") != 2 || w.lnds.called("ln-lnd-0 describegraph") != 3 || w.lnds.called("ln-lnd-2 addinvoice") != 1 {
		t.Errorf("the calls are %q", w.lnds.calls)
	}
	w.lnds.calls, w.lnds.payments = nil, []string{"no-route.json"}
	w.fails(exitFailed, "error: node 0 did not pay 1000 satoshis to node 2: FAILURE_REASON_NO_ROUTE, no route has enough capacity", "ln", "pay", "ln", "0", "2", "1000")
	if w.lnds.called("ln-lnd-0 payinvoice") != 1 {
		t.Errorf("with the complete graph it was paid again: %q", w.lnds.calls)
	}
	w.lnds.graphs = []string{"describegraph-early.json"}
	w.fails(exitFailed, "the announcement of all active channels to node 0 did not happen within", "ln", "pay", "ln", "0", "2", "1000", "--timeout", "1s")
}

func TestAPaymentThatFailsHasTheCause(t *testing.T) {
	w := newLightning(t)
	w.lnds.payments = []string{"insufficient.json"}
	w.fails(exitFailed, "FAILURE_REASON_INSUFFICIENT_BALANCE, the channels of node 0 have too little on its side; kubectl btcnet ln channels ln shows", "ln", "pay", "ln", "0", "2", "900000")
	w.lnds.failing["ln-lnd-0 payinvoice"] = "invoice is already paid"
	w.fails(exitFailed, "LND in ln-lnd-0 returned an error: invoice is already paid", "ln", "pay", "ln", "0", "2", "1000")
	w.lnds.failing = nil
	w.lnds.broken["ln-lnd-0 payinvoice"] = errors.New("broken pipe")
	w.fails(exitFailed, "broken pipe; kubectl describe pod ln-lnd-0 shows its state; kubectl btcnet ln cli ln/2 lookupinvoice ", "ln", "pay", "ln", "0", "2", "1000")
}

func TestLightningCommandsShowWhatNodesReport(t *testing.T) {
	w := newLightning(t)
	w.prints([]string{"NODE  POD", "\n0     ln-lnd-0  44498992057  0            795528  201001\n"}, "ln", "balances", "ln")
	w.prints([]string{"\n0-1      yes     yes     1000000   795528        201001      103x1x0   "}, "ln", "channels", "ln")
	w.prints([]string{"\"wanted\": true", "\"shortID\": \"103x2x0\""}, "ln", "channels", "ln", "-o", "json")
	w.prints([]string{"ln: Ready, 3 of 3 nodes ready, 2 of 2 channels active\n├── 0  my-lightning-0\n│   └── with 1  103x1x0  1000000 satoshis  fee 1 + 1 ppm\n"}, "ln", "graph", "ln")
	w.prints([]string{"graph \"ln\" {\n", "[label=\"103x2x0\\n500000\"];\n}\n"}, "ln", "graph", "ln/1", "-o", "dot")
	w.prints([]string{"asked:\n- 2\n"}, "ln", "graph", "ln/2", "-o", "yaml")
	w.lnds.graphs = []string{"describegraph-early.json"}
	w.prints([]string{"103x2x0  500000 satoshis  fee 1 + 1 ppm  not known by 0\n"}, "ln", "graph", "ln")
	w.prints([]string{"lnbcrt10u1"}, "ln", "invoice", "ln/2", "1000", "--memo", "-x coffee")
	if w.lnds.called("ln-lnd-2 addinvoice --amt=1000 --memo=-x coffee") != 1 {
		t.Errorf("the calls are %q", w.lnds.calls)
	}
	w.prints([]string{"└── Lightning network ln: Ready, 3 of 3 nodes ready, 2 of 2 channels active\n"}, "tree", "net")
}

func TestANodeThatDoesNotAnswerIsReportedBesideTheOthers(t *testing.T) {
	w := newLightning(t)
	w.lnds.broken["ln-lnd-1"] = apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "ln-lnd-1")
	for _, command := range []string{"balances", "channels", "graph"} {
		w.fails(exitFailed, "the node ln-lnd-1 does not answer: its pod does not exist", "ln", command, "ln")
		if !strings.Contains(w.out.String(), "103x1x0") && command != "balances" || strings.Count(w.out.String(), "\n") < 3 {
			t.Errorf("ln %s printed %q", command, w.out.String())
		}
	}
	w.fails(exitFailed, "ln-lnd-1 does not answer", "ln", "graph", "ln/1")
	if w.out.Len() > 0 {
		t.Errorf("the graph of a node without an answer is %q", w.out.String())
	}
}

func TestLNCLIIsCalledOnANodeOrOnAll(t *testing.T) {
	w := newLightning(t)
	w.in = "yes\n"
	w.prints([]string{`"alias": "my-lightning-1"`}, "ln", "cli", "ln/1", "getinfo")
	if w.lnds.in != "" {
		t.Errorf("getinfo has read %q", w.lnds.in)
	}
	w.works("ln", "cli", "ln/1", "payinvoice", "lnbcrt1")
	if w.lnds.in != "yes\n" {
		t.Errorf("the confirmation is %q", w.lnds.in)
	}
	w.prints([]string{`"pod": "ln-lnd-2",`, `"alias": "my-lightning-0"`}, "ln", "cli", "ln", "--all", "getinfo")
	if code := w.run("ln", "cli", "ln", "nonsense"); code != 3 || w.err.String() != "No help topic for 'nonsense'\n" {
		t.Errorf("an error of lncli ended with %d: %q", code, w.err.String())
	}
	w.lnds.failing["ln-lnd-1"] = "no"
	w.fails(exitFailed, "LND in ln-lnd-1 returned an error: no", "ln", "cli", "--all", "ln", "getinfo")
}

func TestLNCLIGetsTheInputThatItReads(t *testing.T) {
	w := newLightning(t)
	w.in, w.lnds.silent = "yes\n", true
	for call, reads := range map[string]bool{
		"payinvoice lnbcrt1":                           true,
		"payinvoice --force lnbcrt1":                   false,
		"payinvoice lnbcrt1 -f":                        false,
		"payinvoice --force=false lnbcrt1":             true,
		"sendpayment --pay_req=lnbcrt1":                true,
		"sendpayment --pay_req=lnbcrt1 --force=true":   false,
		"closeallchannels":                             true,
		"closeallchannels --force":                     true,
		"closeallchannels -s":                          true,
		"deletefwdhistory --age=-1w":                   true,
		"deletefwdhistory --age=-1w --force":           false,
		"openchannel --node_key=02 --psbt":             true,
		"openchannel --node_key=02":                    false,
		"importmc --mcdatapath=/x":                     true,
		"importmc --mcdatapath=/x --force":             true,
		"importmc --mcdatapath=/x --skip_confirmation": false,
		"decryptdebugpackage 01":                       true,
		"decryptdebugpackage --input_file /x 01":       false,
		"decryptdebugpackage --input_file=/x 01":       false,
		"unlock --stdin":                               true,
		"sendtoroute --payment_hash=00 -":              true,
		"sendtoroute --payment_hash=00 --routes={}":    false,
		"--macaroonpath /x closeallchannels":           true,
		"--no-macaroons payinvoice lnbcrt1":            true,
		"addinvoice --memo payinvoice":                 false,
		"deletepayments --all":                         false,
		"abandonchannel 00":                            false,
		"sendcoins --addr=bcrt1q --amt=1":              false,
		"--rpcserver=127.0.0.1:10009":                  false,
	} {
		w.lnds.in = ""
		w.works(append([]string{"ln", "cli", "ln"}, strings.Fields(call)...)...)
		if got := w.lnds.in == w.in; got != reads {
			t.Errorf("%q gets the input: %t, and should: %t", call, got, reads)
		}
	}
}

// Whether the network exists, or the cluster answers, does not matter.
func TestANodeWhereANetworkBelongsIsWrongInputWithoutACluster(t *testing.T) {
	w := newLightning(t)
	for _, line := range []string{"ln cli --all nope/0 getinfo", "ln balances nope/0", "ln channels nope/0", "ln pay nope/0 0 1 1000"} {
		w.fails(exitInvalid, "nope", strings.Fields(line)...)
	}
}

func TestInputForLightningThatCannotBeRightHasItsOwnExitCode(t *testing.T) {
	w := newLightning(t)
	for _, c := range []struct{ words, line string }{
		{"the command \"nonsense\" does not exist", "ln nonsense"},
		{"5 arguments are wrong: write kubectl btcnet ln pay", "ln pay ln 0 1 2 3"},
		{"is not a number of satoshis", "ln pay ln 0 1 0.5"},
		{"is not more than 0", "ln pay ln 0 1 0"},
		{"more than the 21000000 bitcoins", "ln invoice ln 99999999999999999999"},
		{"has no node 3", "ln pay ln 3 0 1000"},
		{"cannot pay itself", "ln pay ln 1 ln-lnd-1 1000"},
		{"node 1 cannot pay itself", "ln pay nope 1 1 1000"},
		{"ln/0 names a node", "ln pay ln/0 0 1 1000"},
		{"--timeout 0s is not from", "ln pay ln 0 1 1000 --timeout 0s"},
		{"names a node, and the command is about all", "ln balances ln/0"},
		{"--output \"xml\" does not exist", "ln channels ln -o xml"},
		{"use json, yaml or dot", "ln graph ln -o xml"},
		{"--memo has 640 bytes", "ln invoice ln 1 --memo " + strings.Repeat("x", 640)},
		{"is not a directory", "ln connect ln --credentials /nonexistent"},
		{"--read-only is about macaroons", "ln connect ln --read-only"},
		{"--first-port 80 is not", "ln connect ln --first-port 80"},
		{"no BitcoinNetwork is named", "ln create new"},
		{"--dry-run \"x\" does not exist", "ln create new --bitcoin-network net --dry-run=x"},
		{"--degree 0 is not possible", "ln create new --bitcoin-network net --degree 0"},
		{"no command of lncli is named", "ln cli ln --all"},
		{"passed to lncli where it is", "ln cli ln -n ns getinfo"},
		{"exclude each other", "ln cli --all ln/0 getinfo"},
	} {
		line := strings.Fields(c.line)
		w.fails(exitInvalid, c.words, line...)
	}
	if len(w.lnds.calls) > 0 {
		t.Errorf("nodes were called: %q", w.lnds.calls)
	}
}

func TestALightningNetworkIsCreatedOrPrinted(t *testing.T) {
	w := newLightning(t)
	w.prints([]string{"kind: LightningNetwork\n", "name: new\n", "bitcoinNetwork: net\n", "    push: 5\n"},
		"ln", "create", "new", "--bitcoin-network", "net", "--nodes", "3", "--channel", "0-1:20000,push=5", "--dry-run=client", "-o", "yaml")
	w.fails(exitFailed, `namespace "ns" has no Lightning network new`, "ln", "balances", "new")
	w.prints([]string{"lightningnetwork.bitcoincontroller.christianb93.github.com/new created"}, "ln", "create", "new", "--bitcoin-network", "net", "--topology", "ring", "--capacity", "20000")
	created, err := w.networks.BitcoincontrollerV1().LightningNetworks("ns").Get(t.Context(), "new", metav1.GetOptions{})
	if err != nil || created.Spec.Topology == nil || *created.Spec.Topology != (v1.LightningTopology{Type: "Ring", Capacity: 20_000}) || created.Spec.Nodes != 2 {
		t.Errorf("it is %+v (%v)", created, err)
	}
	w.fails(exitFailed, `namespace "ns" already has a Lightning network ln`, "ln", "create", "ln", "--bitcoin-network", "net")
	w.timesOut("Ready of the Lightning network other did not happen within 10ms: the operator has not reconciled it yet", "ln", "create", "other", "--bitcoin-network", "net", "--wait", "--timeout", "10ms")
}

func TestWithoutTheDefinitionLightningCommandsNameTheValueOfTheChart(t *testing.T) {
	w := newLightning(t)
	w.networks.PrependReactor("*", "lightningnetworks", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewGenericServerResponse(404, action.GetVerb(), schema.GroupResource{Resource: "lightningnetworks"}, "ln", "404 page not found", 0, true)
	})
	for _, line := range []string{"ln balances ln", "ln cli ln getinfo", "ln create new --bitcoin-network net", "ln connect ln"} {
		w.fails(exitFailed, "the cluster has no LightningNetworks: an administrator switches them on with the value lightning.enabled=true", strings.Fields(line)...)
	}
	if got := w.works("tree", "net"); strings.Contains(got, "Lightning") || w.err.Len() > 0 {
		t.Errorf("the tree is\n%s%s", got, w.err.String())
	}
}

func TestMissingRightsForLightningAreNamed(t *testing.T) {
	w := newLightning(t)
	w.lnds.broken["ln-lnd-"] = &httpstream.UpgradeFailureError{Cause: lacking("create", "pods/exec")}
	for _, line := range []string{"ln balances ln", "ln pay ln 0 1 1000", "ln cli ln getinfo", "ln graph ln"} {
		w.fails(exitFailed, `your account has no right to create pods/exec in namespace "ns"`, strings.Fields(line)...)
	}
	w.networks.PrependReactor("*", "lightningnetworks", func(action clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, lacking(action.GetVerb(), "lightningnetworks")
	})
	w.fails(exitFailed, `no right to get lightningnetworks in namespace "ns"`, "ln", "channels", "ln")
	w.fails(exitFailed, `no right to create lightningnetworks in namespace "ns"`, "ln", "create", "new", "--bitcoin-network", "net")
	if got := w.works("tree", "net"); strings.Contains(got, "Lightning") || w.err.Len() > 0 {
		t.Errorf("the tree is\n%s%s", got, w.err.String())
	}
}

func TestLightningNetworksAndNodesAreCompleted(t *testing.T) {
	w := newLightning(t)
	for line, want := range map[string]string{
		"ln balances ":                   "ln\n:4\n",
		"ln invoice ln/":                 "ln/0\tln-lnd-0\nln/1\tln-lnd-1\nln/2\tln-lnd-2\n:6\n",
		"ln pay l":                       "ln\n:4\n",
		"ln pay ln ":                     "0\tln-lnd-0\n1\tln-lnd-1\n2\tln-lnd-2\n:4\n",
		"ln pay ln 0 2":                  "2\tln-lnd-2\n:4\n",
		"ln pay ln 0 2 ":                 ":4\n",
		"ln graph ln -o d":               "json\nyaml\ndot\n:4\n",
		"ln create x --bitcoin-network ": "net\n:4\n",
	} {
		if got := w.works(append([]string{"__complete"}, strings.Split(line, " ")...)...); !strings.HasPrefix(got, want) {
			t.Errorf("%q completes to %q, and should to %q", line, got, want)
		}
	}
}
