package play

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/faucet"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestWhatIsNotMetHasTheTimeSinceWhichItIsSo(t *testing.T) {
	start := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	h := history{}
	list := func(seen string) []finding {
		return []finding{{"the height of node 1", "5", seen, false}, {"the best block", "same", "same", true}}
	}
	h.update(list("3"), at(0))
	h.update(list("4"), at(3))
	h.update(list("4"), at(9))
	const want = "expected the height of node 1 to be 5 within 10s, and it is 4, since 7s (08:00:03.0Z)"
	if got := h.describe(list("4"), 10*time.Second, at(10)); got != want {
		t.Errorf("the message is %q, and should be %q", got, want)
	}
	many := list("4")
	for _, name := range []string{"b", "c", "d", "e"} {
		many = append(many, finding{subject: name})
	}
	if got := h.describe(many, time.Second, at(10)); !strings.HasSuffix(got, "; 2 more expectations are not met") {
		t.Errorf("of many it is %q", got)
	}
}

func TestBestBlocksAreComparedWithEachOther(t *testing.T) {
	node := func(ordinal int, height int64, hash string) answer {
		return answer{node: noderef.Node{Ordinal: ordinal}, answered: hash != "", tip: faucet.Tip{Height: height, Hash: hash}}
	}
	two, err := scenario.ParseComparison("2")
	if err != nil {
		t.Fatal(err)
	}
	e := &scenario.Expect{Best: "same", Tips: &two}
	for name, c := range map[string]struct {
		answers    []answer
		same, tips bool
		seen       string
	}{
		"one block":           {[]answer{node(0, 3, "a"), node(1, 3, "a")}, true, false, "block 3 a on nodes 0, 1"},
		"two branches":        {[]answer{node(0, 3, "a"), node(1, 3, "b"), node(2, 3, "a")}, false, true, "block 3 a on nodes 0, 2 and block 3 b on nodes 1"},
		"no answer":           {[]answer{node(0, 3, "a"), node(1, 0, "")}, false, false, "block 3 a on nodes 0 and no answer on nodes 1"},
		"no answer of anyone": {[]answer{node(0, 0, ""), node(1, 0, "")}, false, false, "no answer on nodes 0, 1"},
	} {
		got := tips(c.answers, e)
		if got[0].met != c.same || got[1].met != c.tips || got[0].seen != c.seen {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAConditionOfAnEarlierSpecDoesNotCount(t *testing.T) {
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "n", Generation: 2}}
	network.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "Forked", Message: "m", ObservedGeneration: 2}}
	for want, met := range map[string]bool{"False": true, "Forked": true, "True": false} {
		if f := condition(network, "Ready", want); f.met != met || f.seen != "False (Forked: m)" {
			t.Errorf("%s: %+v", want, f)
		}
	}
	network.Generation = 3
	if f := condition(network, "Ready", "False"); f.met || f.seen != "that of an earlier spec" {
		t.Errorf("after a change: %+v", f)
	}
	if f := condition(network, "Mining", "True"); f.met || f.seen != "not reported" {
		t.Errorf("another one: %+v", f)
	}
}

func TestMinersHaveTheirShares(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	names, shares := []string{"0", "3"}, map[string]int64{"0": 3, "3": 1}
	var total time.Duration
	mined := [2]int{}
	for range 4000 {
		mined[choose(random, names, shares, 4)]++
		total += next(random, time.Second)
	}
	if mined[0] < 2850 || mined[0] > 3150 || total < 3700*time.Second || total > 4300*time.Second {
		t.Errorf("they mined %v in %s", mined, total)
	}
}

func TestTheNameOfANetworkIsOneOfKubernetes(t *testing.T) {
	for name, want := range map[string]string{
		"wallet-reorg": "wallet-reorg-", "My File_1": "my-file-1-", "": "s-", "7th": "s-7th-", "--": "s-", strings.Repeat("x", 80): strings.Repeat("x", maxName) + "-",
	} {
		if got := generated(name); !strings.HasPrefix(got, want) || len(got) != len(want)+5 {
			t.Errorf("%q gives %q, and should give %s…", name, got, want)
		}
	}
	if first, second := generated("a"), generated("a"); first == second {
		t.Error("two runs have the same name")
	}
}

func TestTheOutputOfAProgramIsJSONOrAText(t *testing.T) {
	for text, want := range map[string]any{
		"7": json.Number("7"), "0.10000000": json.Number("0.10000000"), "true": true, "0f91": "0f91", strings.Repeat("1", 64): strings.Repeat("1", 64),
		"two words": "two words", "": "", `"x"`: "x", "1 2": "1 2",
	} {
		if got := parsed(text); got != want {
			t.Errorf("%q is %#v, and should be %#v", text, got, want)
		}
	}
	object, _ := parsed(`{"a": [1.50]}`).(map[string]any)
	if list, _ := object["a"].([]any); len(list) != 1 || list[0] != json.Number("1.50") {
		t.Errorf("an object is %#v", object)
	}
}

func TestOnlyTheLastBytesOfAnOutputAreKept(t *testing.T) {
	out := &tail{}
	for range 3 {
		if n, err := out.Write([]byte(strings.Repeat("x", maxTail-1) + "\n")); n != maxTail || err != nil {
			t.Fatal(n, err)
		}
	}
	_, _ = out.Write([]byte("a\nb\nc\nd\n"))
	if got := lastLines(&tail{}, out); len(out.String()) != maxTail || got != "b / c / d" {
		t.Errorf("of the output %d bytes are kept, and the last lines are %q", len(out.String()), got)
	}
}

func TestAnEventIsThatOfItsObject(t *testing.T) {
	e := &events{}
	e.add("Evicted", "n-sts-2")
	e.add("Killing", "n-sts-0")
	for _, c := range []struct{ reason, object, want string }{
		{"Evicted", "n-sts-2", ""}, {"Evicted", "", ""}, {"Evicted", "n-sts-0", `the events so far are ["Killing"]`},
	} {
		if got, err := e.missing(c.reason, c.object); err != nil || got != c.want {
			t.Errorf("%s of %q: %q (%v)", c.reason, c.object, got, err)
		}
	}
}

func TestRestoringRemovesTheOptionsThatWereAdded(t *testing.T) {
	before, after := &v1.BitcoinNetwork{}, &v1.BitcoinNetwork{}
	after.Spec.Config = v1.Config{"a": "1", "b": "2"}
	if got, err := configPatch(before, after); err != nil || string(got) != "null" {
		t.Errorf("without options before: %s (%v)", got, err)
	}
	before.Spec.Config = v1.Config{"a": "0"}
	if got, err := configPatch(before, after); err != nil || string(got) != `{"a":"0","b":null}` {
		t.Errorf("with options before: %s (%v)", got, err)
	}
}
