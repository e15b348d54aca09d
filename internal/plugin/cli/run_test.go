package cli

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/report"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

// scenarioFile writes a scenario of these steps.
func scenarioFile(t *testing.T, steps string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nparameters: {blocks: 2}\nsteps:\n"+steps), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRunCarriesOutTheSteps(t *testing.T) {
	w := newWorld(t, three())
	file := scenarioFile(t, `- mine: {node: 1, blocks: "${blocks}"}
  as: best
- address: {node: 2}
  as: address
- name: node 0 pays ${amount.x}
  fund: {to: "`+someAddress+`", amount: 1.5, fee: 7}
  as: payment
- cli: {node: 0, arguments: [getblockhash, "${best.height}"]}
  as: hash
- cli: {arguments: [getblockhash, 9999], error: -8}
- cli: {arguments: [echo, [{a: "${best.height}"}], "${address}"]}
  repeat: 2
- expect:
    height: "> ${best.height + 100}"
    best: same
    tips: 1
    peers: 2
    chain: {has: ["${hash}"]}
    wallet: {pending: 0}
    conditions: {Ready: "True", Connected: "True"}
    values: {payment.amount: 1.5, hash: "${best.hash}", nodes: 3, seed: 9, network: net}
`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "${amount.x}", "${blocks} coins", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := w.works("run", file, "--network", "net", "--seed", "9", "--set", "blocks=3", "--junit", dir+"/j.xml", "--timeline", dir+"/t.json", "--timeline", dir+"/t.txt")
	if strings.Count(out, "ok  ") != 8 || !strings.Contains(out, "node 0 pays 3 coins") {
		t.Errorf("it printed\n%s", out)
	}
	for _, call := range []string{
		"net-sts-0 -rpcwallet=faucet -named sendtoaddress address=" + someAddress + " amount=1.50000000 fee_rate=7 comment=", `net-sts-0 echo [{"a":3}] address-2-1`,
	} {
		if !slices.ContainsFunc(w.nodes.calls, func(c string) bool { return strings.HasPrefix(c, call) }) {
			t.Errorf("without the call %q: %q", call, w.nodes.calls)
		}
	}
	for name, want := range map[string]string{"j.xml": `tests="8"`, "t.json": `"result": "passed"`, "t.txt": "└ step 7: passed"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q (%v):\n%s", name, want, err, text)
		}
	}
}

func TestAnExpectationThatIsNotMetHasItsPlaceAndWhatWasSeen(t *testing.T) {
	w := newWorld(t, three())
	dir := t.TempDir()
	file := scenarioFile(t, "- mine: {blocks: 2}\n- name: more\n  expect: {nodes: 1-2, height: 3, best: same}\n  within: 50ms\n- heal:\n")
	code := w.run("run", file, "--network", "net", "--junit", dir+"/j.xml", "--timeline", dir+"/t.json")
	const want = `mine.yaml:5: step 2 \(more\): expected the height of node 1 to be 3 within 50ms, and it is 2, since [\d.]+m?s \(\d\d:\d\d:\d\d\.\dZ\); expected the height of node 2`
	if code != exitFailed || !regexp.MustCompile(want).MatchString(w.err.String()) {
		t.Errorf("it ended with %d: %s", code, w.err.String())
	}
	text, err := os.ReadFile(dir + "/t.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Parse(text)
	if err != nil || r.Result != report.Failed || len(r.Steps) != 4 || r.Steps[3].Result != report.Skipped {
		t.Errorf("the report is %+v (%v)", r, err)
	}
}

func TestAnExpectationHoldsForItsTime(t *testing.T) {
	w := newWorld(t, three())
	start := time.Now()
	w.works("run", scenarioFile(t, "- expect: {height: 0, holds: 100ms}\n"), "--network", "net")
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("it ended after %s", took)
	}
}

func TestAnInterruptedScenarioConnectsItsNodesAgain(t *testing.T) {
	w := newWorld(t, three())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int)
	file := scenarioFile(t, "- pause: {node: 1}\n- sleep: 10m\n")
	go func() { ended <- w.runContext(ctx, "run", file, "--network", "net") }()
	for !strings.Contains(w.running.String(), "1/2") {
		select {
		case code := <-ended:
			t.Fatalf("it ended with %d: %s", code, w.err.String())
		case <-time.After(time.Millisecond):
		}
	}
	w.nodes.mu.Lock()
	cut := w.nodes.byPod["net-sts-1"].inactive
	w.nodes.mu.Unlock()
	cancel()
	code := <-ended
	if !cut || w.nodes.byPod["net-sts-1"].inactive || code != exitInterrupted {
		t.Errorf("the node was cut: %t, and is: %t; it ended with %d: %s", cut, w.nodes.byPod["net-sts-1"].inactive, code, w.err.String())
	}
}

func TestTheSameSeedChoosesTheSame(t *testing.T) {
	choices := func(seed string) string {
		w := newWorld(t, three())
		w.works("run", scenarioFile(t, strings.Repeat("- cli: {node: random, arguments: [echo, chosen]}\n", 12)+
			"- miners: {every: 100ms, shares: {\"0\": 1, \"2\": 1}, for: 1ms}\n"), "--network", "net", "--seed", seed)
		var pods []string
		for _, call := range w.nodes.calls {
			if pod, ok := strings.CutSuffix(call, " echo chosen"); ok {
				pods = append(pods, pod)
			}
		}
		return strings.Join(pods, " ")
	}
	first, again, other := choices("5"), choices("5"), choices("6")
	if first != again || first == other || strings.Count(first, " ") != 11 {
		t.Errorf("the choices are\n%s\n%s\nand with another seed\n%s", first, again, other)
	}
}

func TestWhatMayFailIsNoFailure(t *testing.T) {
	w := newWorld(t, three())
	w.works("run", scenarioFile(t, "- cli: {arguments: [getblockhash, 9999]}\n  mayFail: true\n  repeat: 5\n"), "--network", "net")
	w.fails(exitFailed, "step 1 (cli): bitcoind in net-sts-0 returned an error: Block height out of range", "run", scenarioFile(t, "- cli: {arguments: [getblockhash, 9999]}\n"), "--network", "net")
	w.fails(exitFailed, "expected the error -5 of bitcoind on node 0: bitcoind in net-sts-0 returned", "run", scenarioFile(t, "- cli: {arguments: [getblockhash, 9999], error: -5}\n"), "--network", "net")
	w.fails(exitFailed, "expected the error -5 of bitcoind on node 0, and it returned", "run", scenarioFile(t, "- cli: {arguments: [echo, x], error: -5}\n"), "--network", "net")
}

func TestACommandHasTheAddressesOfTheNodes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	script := "#!/bin/sh\necho \"{\\\"network\\\": \\\"$BTCNET_NETWORK\\\", \\\"rpc\\\": \\\"${BTCNET_NODE_2_RPC%:*}\\\", \\\"own\\\": \\\"$OWN\\\"}\"\necho because >&2\nexit $1\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	w := newWorld(t, three())
	w.works("run", scenarioFile(t, "- command: {run: ["+program+", \"3\"], exit: 3, env: {OWN: \"$(id)\"}}\n  as: out\n"+
		"- expect:\n    values: {out.network: net, out.rpc: 127.0.0.1, out.own: $(id)}\n"), "--network", "net")
	w.fails(exitFailed, "to end with exit code 0, and it ended with 4; its last lines: because", "run", scenarioFile(t, "- command: {run: ["+program+", \"4\"]}\n"), "--network", "net")
	w.fails(exitFailed, "the program /nowhere/x cannot be run", "run", scenarioFile(t, "- command: /nowhere/x\n"), "--network", "net")
}

func TestRunChecksAFileWithoutACluster(t *testing.T) {
	w := newWorld(t, three())
	for _, name := range scenario.Ready() {
		if got := w.works("run", name, "--validate"); !strings.Contains(got, name+" is valid: ") {
			t.Errorf("it printed %q", got)
		}
	}
	if list := w.works("run", "--list"); strings.Count(list, "\n") != len(scenario.Ready()) || !strings.Contains(list, "double-spend      One coin") {
		t.Errorf("the list is\n%s", list)
	}
	w.in = w.works("run", "--show", "lost-node")
	w.works("run", "-", "--validate")
	w.fails(exitInvalid, `"lost-nodes" is neither a file nor a scenario that the program has: did you mean lost-node?`, "run", "lost-nodes")
	w.fails(exitInvalid, `mine.yaml:5: unknown field "heel" in the step: did you mean heal?`, "run", scenarioFile(t, "- heal:\n  heel:\n"), "--validate")
	w.fails(exitInvalid, "--set x: the scenario has no such parameter", "run", scenarioFile(t, "- heal:\n"), "--set", "x=1")
	w.fails(exitInvalid, "--in-cluster needs --image", "run", "lost-node", "--in-cluster")
	w.fails(exitInvalid, "are for --in-cluster", "run", "lost-node", "--image", "x")
	if code := w.run("run", scenarioFile(t, "- heel:\n- mime: {}\n")); code != exitInvalid || strings.Count(w.err.String(), "\n") < 3 || !strings.Contains(w.err.String(), " mistakes\n") {
		t.Errorf("several mistakes end with %d: %s", code, w.err.String())
	}
}
