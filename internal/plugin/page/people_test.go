package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func actionClick(node int) chromedp.Action {
	return chromedp.Click(fmt.Sprintf(`#graph [data-node="%d"]`, node), chromedp.ByQuery)
}

func TestANodeIsOpenedByTheKeyboard(t *testing.T) {
	s := newSimulated(t, 5, 5)
	tab := s.open(browser.Options{})
	const focused = `document.activeElement.dataset.node`
	for range 12 {
		if browser.Eval[bool](tab, focused+` !== undefined`) {
			break
		}
		tab.Press(browser.TabKey)
	}
	tab.Await("a node with the focus", focused+` === "0"`)
	tab.Press(browser.Right)
	tab.Await("the next node with the focus", focused+` === "1"`)
	tab.Press(browser.Home)
	tab.Await("node 0 with the focus again", focused+` === "0"`)
	tab.Press(browser.Right, browser.Enter)
	tab.Await("the details of node 1", `document.getElementById("detail-title")?.textContent === "Node 1" && !document.getElementById("detail").hidden`)
	tab.Await("its log", `document.querySelector("#detail .log").textContent.includes("line 4 of node 1")`)
	if got := browser.Eval[string](tab, `[...document.querySelectorAll("#detail .lines code")].map(c => c.textContent).join("\n")`); !strings.Contains(got, "kubectl btcnet cli --namespace default net/1 getpeerinfo") {
		t.Errorf("the commands are\n%s", got)
	}
	if got := browser.Eval[int](tab, `document.querySelectorAll("#graph .edge.near").length`); got != 2 {
		t.Errorf("%d edges of the node are marked", got)
	}
	tab.Press(browser.Escape)
	tab.Await("the overview", `document.getElementById("detail").hidden && document.querySelectorAll("#graph .choosing").length === 0`)
	tab.Await("the focus back at the node", focused+` === "1"`)
}

func TestEachActionIsConfirmedAndCarriedOut(t *testing.T) {
	s := newSimulated(t, 5, 5)
	s.answer = func(_ context.Context, a Action, _ func(string)) (string, error) {
		if a.Kind == "heal" {
			return "", errors.New("your account has no right to patch bitcoinnetworks")
		}
		return "done " + a.Kind, nil
	}
	tab := s.open(browser.Options{})
	confirm := func(button, command string) {
		tab.Click(button)
		tab.Await("the dialog", `document.getElementById("dialog").open && document.getElementById("dialog-command").textContent === `+browser.Quote(command))
		tab.Click("#dialog-confirm")
		tab.Await("the end of the dialog", `!document.getElementById("dialog").open`)
	}
	tab.Click(`[data-action="mine"]`)
	tab.Await("the dialog", `document.getElementById("dialog").open`)
	tab.Click("#dialog-cancel")
	tab.Click(`[data-action="mine"]`)
	tab.Press(browser.Escape)
	tab.Await("the end of the dialog", `!document.getElementById("dialog").open`)
	if done := s.actions(); len(done) > 0 {
		t.Fatalf("%v was done without a confirmation", done)
	}
	confirm(`[data-action="mine"]`, "kubectl btcnet mine net/0 1 --namespace default")
	tab.Await("the result", `document.getElementById("toasts").textContent.includes("done mine")`)
	confirm(`[data-action="partition"]`, "kubectl btcnet partition net 0-1 --namespace default")
	confirm(`[data-action="heal"]`, "kubectl btcnet heal net --namespace default")
	tab.Await("the error", `document.querySelector(".toast.bad")?.textContent.includes("no right to patch")`)
	tab.Run(actionClick(3))
	confirm(`#detail .actions button:last-child`, "kubectl btcnet pause net/3 30s --namespace default")
	want := []Action{{Kind: "mine", Network: "net", Blocks: 1}, {Kind: "partition", Network: "net", Sides: []string{"0-1"}}, {Kind: "heal", Network: "net"}, {Kind: "pause", Network: "net", Node: 3, Seconds: 30}}
	testtools.Eventually(t, "all actions", browserLimit, func() error {
		if got := s.actions(); !reflect.DeepEqual(got, want) {
			text, _ := json.Marshal(got) //nolint:errchkjson // for the message
			return fmt.Errorf("done are %s", text)
		}
		return nil
	})
}

// split is a network whose sides have no connection and blocks of their own.
func (s *simulated) split(sides ...[]int) {
	for number, side := range sides {
		var others []int32
		for _, i := range side {
			others = append(others, int32(i)) //nolint:gosec // small
		}
		s.height++
		for _, i := range side {
			node := s.node(i)
			node.Peered = v1.NewOrdinals(slices.DeleteFunc(slices.Clone(others), func(o int32) bool { return int(o) == i }))
			node.Wanted = node.Peered
			s.store.Set(view.NodeKey(s.name, i), node)
			s.tip(i, number)
		}
	}
}

func TestAPartitionIsAGapAndEachBranchHasAColor(t *testing.T) {
	s := newSimulated(t, 6, 6)
	tab := s.open(browser.Options{Still: true})
	const colors = `new Set([...document.querySelectorAll("#graph .node .shape")].map(s => getComputedStyle(s).fill)).size`
	if got := browser.Eval[int](tab, colors); got != 1 {
		t.Errorf("nodes of one branch have %d colors", got)
	}
	s.split([]int{0, 1, 2}, []int{3, 4, 5})
	tab.Await("two boxes", `document.querySelectorAll("#graph .side-box").length === 2 && document.getElementById("fact-branches").textContent === "2"`)
	if got := browser.Eval[int](tab, colors); got != 2 {
		t.Errorf("two branches have %d colors", got)
	}
	tab.Await("a gap", `(() => { const [a, b] = [...document.querySelectorAll("#graph .side-box")].map(r => r.getBoundingClientRect()); return a.right + 10 < b.left || a.bottom + 10 < b.top; })()`)
	tab.Await("the announcement", `document.getElementById("announce").textContent.includes("2 parts without a connection")`)
	s.publish()
	tab.Await("one network again", `document.querySelectorAll("#graph .side-box").length === 0 && document.getElementById("fact-branches").textContent === "1"`)
}

func TestALostNodeAndAnOlderOperatorAreNamed(t *testing.T) {
	s := newSimulated(t, 5, 5)
	tab := s.open(browser.Options{Still: true})
	lost := s.node(2)
	lost.Ready, lost.Problem, lost.Peered = false, "CrashLoopBackOff", ""
	s.store.Set(view.NodeKey(s.name, 2), lost)
	for _, i := range []int{1, 3} {
		n := s.node(i)
		n.Peered = v1.NewOrdinals(slices.DeleteFunc(slices.Clone(s.peers[i]), func(o int32) bool { return o == 2 }))
		s.store.Set(view.NodeKey(s.name, i), n)
	}
	tab.Await("the lost node", `document.querySelector('[data-node="2"]').classList.contains("lost") && document.getElementById("fact-nodes").textContent === "4/5" && document.querySelectorAll(".edge.missing").length === 2`)
	tab.Await("its problem", `document.querySelector('[data-node="2"]').getAttribute("aria-label").includes("CrashLoopBackOff") && document.getElementById("rows").textContent.includes("CrashLoopBackOff")`)
	tab.Await("the announcement", `document.getElementById("announce").textContent.includes("Lost: nodes 2.")`)
	if got := browser.Eval[int](tab, `document.querySelectorAll("#graph .side-box").length`); got != 0 {
		t.Errorf("a lost node counts as a side: %d", got)
	}
	older := s.network()
	older.Edges = false
	s.store.Set(view.NetworkKey(s.name), older)
	for i := range s.nodes {
		n := s.node(i)
		n.Peered = ""
		s.store.Set(view.NodeKey(s.name, i), n)
	}
	tab.Await("the words about the operator", `document.getElementById("banner").textContent.includes("older than the plugin") && document.querySelectorAll(".edge.assumed").length === 5`)
}

func TestALostConnectionIsShownAndContinues(t *testing.T) {
	s := newSimulated(t, 3, 3)
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut := &cuttable{Listener: listener}
	tab := browser.Open(t, s.serveOn(cut)+"/#"+testToken, browser.Options{Expected: []string{"ERR_"}})
	tab.Await("the graph", `document.getElementById("live").dataset.live === "live" && document.querySelectorAll("#graph .node").length === 3`)
	cut.set(true)
	tab.Await("the loss", `document.getElementById("live").dataset.live === "lost" && document.getElementById("banner").textContent.includes("What the page shows was true at")
		&& ["stage", "nodes", "lightning"].every(id => document.getElementById(id).classList.contains("stale"))`)
	s.height += 5
	s.publish()
	cut.set(false)
	tab.Await("the page to continue", `document.getElementById("live").dataset.live === "live" && document.getElementById("banner").hidden && document.getElementById("fact-height").textContent === "105"`)
}

// The link to the table has a fragment too, which is no token.
func TestALinkWithinThePageIsNoToken(t *testing.T) {
	s := newSimulated(t, 3, 3)
	tab := browser.Open(t, s.serve()+"/?network=net#"+testToken, browser.Options{})
	tab.Await("the network and its name in the address", `document.querySelectorAll("#rows tr").length === 3 && location.search === "?network=net"`)
	tab.Run(chromedp.Evaluate(`document.querySelector(".skip").click()`, nil), chromedp.Reload())
	tab.Await("the network after a reload", `location.hash === "#nodes" && document.querySelectorAll("#rows tr").length === 3`)
}

func TestThePageWithoutATokenOrANetworkHasWords(t *testing.T) {
	s := newSimulated(t, 3, 3)
	address := s.serve()
	tab := browser.Open(t, address+"/", browser.Options{})
	tab.Await("the words", `document.getElementById("empty").innerText.includes("This page has no token")`)
	tab = browser.Open(t, address+"/#wrong", browser.Options{Expected: []string{"401 (Unauthorized)"}})
	tab.Await("the words", `document.getElementById("empty").innerText.includes("the token is missing or wrong")`)
	s.store.Replace("", map[string]any{"page": map[string]any{"namespace": "default", "missing": []string{"your account has no right to list and watch pods"}}})
	tab = browser.Open(t, address+"/#"+testToken, browser.Options{})
	tab.Await("the words", `document.getElementById("empty").innerText.includes("kubectl btcnet create my-network --namespace default")`)
	tab.Await("the missing right", `document.getElementById("banner").textContent.includes("no right to list and watch pods")`)
}
