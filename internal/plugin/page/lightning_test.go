package page

import (
	"bufio"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
)

// addLightning gives the network a Lightning network whose nodes are a ring of channels.
func (s *simulated) addLightning(name string, nodes int) {
	count := int32(nodes) //nolint:gosec // small
	s.lightning.Set(view.LightningKey(name), view.Lightning{
		Bitcoin: s.name, Nodes: nodes, Ready: count, Active: count, Desired: count, State: "Ready", Good: true,
		Conditions: []view.Condition{{Type: "Synced", Status: "True", Reason: "Synced"}},
	})
	for i := range nodes {
		s.lightning.Set(view.LNDKey(name, i), s.lnd(name, i))
		s.pay(name, i, nodes, 0)
	}
	s.store.Set("page", map[string]any{"namespace": "default", "lightning": true})
}

func (s *simulated) lnd(name string, i int) view.LND {
	return view.LND{
		Ordinal: i, Pod: fmt.Sprintf("%s-lnd-%d", name, i), Ready: true, Synced: true, Bitcoin: int32(i % s.nodes), Alias: fmt.Sprintf("%s-%d", name, i), //nolint:gosec // small
		PubKey: fmt.Sprintf("02%064x", i), Address: fmt.Sprintf("02%064x@%s-lnd-%d:9735", i, name, i), Version: "0.21.0-beta", Height: s.height, Wallet: 5000000, Channels: 1200000,
	}
}

// pay sets the balances of the channel that a node opened to the next one.
func (s *simulated) pay(name string, i, nodes int, paid int64) {
	from, to := int32(i), int32((i+1)%nodes) //nolint:gosec // small
	s.lightning.Set(view.ChannelKey(name, from, to, 0), view.Channel{
		From: from, To: to, Kind: "active", State: "Active", Capacity: 1000000, FromBalance: 800000 - paid, ToBalance: 200000 + paid, ShortID: fmt.Sprintf("103x%dx0", i+1),
	})
}

func TestLightningNetworksAreDrawnBesideTheChain(t *testing.T) {
	s := newSimulated(t, 5, 5)
	tab := s.open(browser.Options{Still: true})
	const without = `document.getElementById("ln-toggle").hidden && document.getElementById("lightning").hidden && document.querySelectorAll("#graph .lnd, #graph .channel, #graph line.uses").length === 0
		&& !document.getElementById("legend").textContent.includes("LND") && document.getElementById("lightnings").childElementCount === 0`
	tab.Await("the page as it is without Lightning", without)
	s.addLightning("ln", 4)
	for i, kind := range []view.ChannelKind{"wanted", "closing", "lost"} {
		s.lightning.Set(view.ChannelKey("ln", int32(i), int32(i+1), 0), view.Channel{From: int32(i), To: int32(i + 1), Kind: kind, State: "StateOf" + string(kind), Message: "why it is " + string(kind)}) //nolint:gosec // small
	}
	tab.Await("nodes and channels", `document.querySelectorAll("#graph .lnd").length === 4 && document.querySelectorAll("#graph .channel").length === 4 && document.querySelectorAll("#graph .node").length === 5`)
	// Without colors, too.
	if got := browser.Eval[int](tab, `new Set([...document.querySelectorAll("#graph .channel")].map(c => getComputedStyle(c.querySelector(".arc")).strokeDasharray + c.querySelector(".sign").textContent)).size`); got != 4 {
		t.Errorf("four kinds of channels have %d kinds of lines", got)
	}
	if got := browser.Eval[string](tab, `[...document.querySelectorAll("#graph .lnd")].map(l => {
		const at = e => { const r = e.querySelector(".shape").getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }, [x, y] = at(l);
		const nearest = [...document.querySelectorAll("#graph .node")].sort((a, b) => Math.hypot(at(a)[0] - x, at(a)[1] - y) - Math.hypot(at(b)[0] - x, at(b)[1] - y))[0];
		return l.dataset.lnd + " at " + nearest.dataset.node; }).join()`); got != "ln/0 at 0,ln/1 at 1,ln/2 at 2,ln/3 at 3" {
		t.Errorf("the nodes are %s", got)
	}
	tab.Await("the same in words", `(() => { const words = document.getElementById("lightning").innerText.replace(/\s+/g, " ");
		return ["ln/0 ln-0 ready, synced 0 100 5,000,000 sat 1,200,000 sat", "ln/3 – 0 active 1,000,000 sat 800,000 sat 200,000 sat 103x4x0", "wanted (StateOfwanted)", "is being closed (StateOfclosing)",
			"lost (StateOflost)", "why it is lost"].every(w => words.includes(w)); })()`)
	tab.Await("the state and the conditions", `/Lightning network ln Ready Nodes ready 4\/4 Channels active 4\/4 Synced True, Synced/.test(document.getElementById("lightnings").innerText.replace(/\s+/g, " "))
		&& document.getElementById("legend").textContent.includes("channel; the dot divides the balance")`)
	s.pay("ln", 0, 4, 300000)
	tab.Await("a channel that is active now, with half of it on each side", `(() => { const c = document.querySelector('[data-channel="ln/0-1-0"]'); return c.classList.contains("active")
		&& Math.abs(c.querySelector(".bead").getAttribute("cx") - c.querySelector(".sign").getAttribute("x")) < 1; })()`)
	bad := view.Lightning{Bitcoin: s.name, Nodes: 4, Ready: 3, Active: 1, Desired: 4, State: "NodesNotReady", Message: "node 2 is not ready"}
	s.lightning.Set(view.LightningKey("ln"), bad)
	tab.Await("the reason", `document.getElementById("lightnings").textContent.includes("NodesNotReady") && document.getElementById("lightnings").textContent.includes("node 2 is not ready")`)
	tab.Await("the announcement", `document.getElementById("announce").textContent.includes("ln: 1 of 4 channels active.")`)
	bad.Bitcoin = "other"
	s.lightning.Set(view.LightningKey("ln"), bad)
	tab.Await("the page without those of another network", without)
	if broken := tab.Broken(); len(broken) > 0 {
		t.Errorf("the page breaks its policy: %v", broken)
	}
}

// A network is deleted, or its namespace is not shown any more.
func TestNothingStaysOfANetworkThatIsNotShownAnyMore(t *testing.T) {
	for why, page := range map[string]map[string]any{
		"No network in this namespace":                 {"namespace": "default", "lightning": true},
		"The networks of this namespace are not shown": {"namespace": "default", "tooLarge": "the networks need more than this page has"},
	} {
		s := newSimulated(t, 5, 5)
		s.addLightning("ln", 3)
		tab := s.open(browser.Options{Still: true})
		tab.Await("the tables", `document.querySelectorAll("#rows tr").length === 5 && document.querySelectorAll("#lnds tr").length === 3 && document.querySelectorAll("#channel-rows tr").length === 3`)
		tab.Run(chromedp.Click(`#graph [data-lnd="ln/1"]`, chromedp.ByQuery))
		tab.Await("the details", `document.getElementById("detail-title")?.textContent === "LND ln/1"`)
		s.store.Replace("", map[string]any{"page": page})
		s.lightning.Replace("", nil)
		tab.Await("only why nothing is shown: "+why, fmt.Sprintf(`document.getElementById("empty-title").textContent === %s && document.getElementById("lightning").hidden && document.getElementById("ln-toggle").hidden
			&& document.getElementById("title").textContent === "btcnet" && document.querySelectorAll("#rows tr, #lnds tr, #channel-rows tr, #lightnings section, #graph .node, #graph .lnd, #graph .channel").length === 0`, browser.Quote(why)))
		s.publish()
		s.addLightning("ln", 3)
		tab.Await("a network again, without the details that were open", `document.querySelectorAll("#graph .node").length === 5 && document.querySelectorAll("#lnds tr").length === 3 && document.getElementById("detail").hidden`)
	}
}

func TestAnLNDNodeIsOpenedByTheKeyboard(t *testing.T) {
	s := newSimulated(t, 5, 5)
	s.addLightning("ln", 3)
	tab := s.open(browser.Options{Still: true})
	const focused = `document.activeElement.dataset.lnd`
	tab.Await("the nodes", `document.querySelectorAll("#graph .lnd").length === 3 && document.querySelectorAll("#lnds tr").length === 3`)
	for range 15 {
		if browser.Eval[bool](tab, focused+` !== undefined`) {
			break
		}
		tab.Press(browser.TabKey)
	}
	tab.Await("a node with the focus", focused+` === "ln/0"`)
	tab.Press(browser.Right)
	tab.Await("the next node with the focus", focused+` === "ln/1"`)
	tab.Press(browser.Enter)
	tab.Await("the details", `document.getElementById("detail-title")?.textContent === "LND ln/1" && !document.getElementById("detail").hidden`)
	words := browser.Eval[string](tab, `document.getElementById("detail").innerText.replace(/\s+/g, " ")`)
	for _, want := range []string{
		"Pod ln-lnd-1 State ready, synced Alias ln-1 Uses node 1 Height 100 Wallet 5,000,000 sat In channels 1,200,000 sat Public key 02000", "@ln-lnd-1:9735", "with 0: active, capacity 1,000,000 sat, 200,000 sat here and 800,000 sat there",
		"kubectl exec --namespace default ln-lnd-1 -- lncli getinfo", "kubectl btcnet ln pay --namespace default ln 1 0 1000", "kubectl btcnet ln connect --namespace default ln/1",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the details are %q, without %q", words, want)
		}
	}
	if got := browser.Eval[string](tab, `[...document.querySelectorAll("#graph .near, #graph .chosen")].map(e => e.dataset.lnd || e.dataset.node || e.dataset.channel || "uses").sort().join()`); got != "1,ln/0,ln/0-1-0,ln/1,ln/1-2-0,ln/2,uses" {
		t.Errorf("marked are %s", got)
	}
	tab.Run(chromedp.Focus(`#detail [data-to="ln/2"]`, chromedp.ByQuery))
	s.pay("ln", 1, 3, 1000)
	tab.Await("the next balance, with the focus where it was", `document.getElementById("detail").textContent.includes("799,000 sat here") && document.activeElement.dataset.to === "ln/2"`)
	tab.Press(browser.Enter)
	tab.Await("the details of the other end", `document.getElementById("detail-title").textContent === "LND ln/2"`)
	tab.Click(`#detail [data-to="2"]`)
	tab.Await("the details of its bitcoind", `document.getElementById("detail-title").textContent === "Node 2" && document.querySelector("#detail .log").textContent.includes("of node 2")`)
	tab.Press(browser.Escape)
	tab.Run(chromedp.Focus(`#lnds [data-id="ln/0"] button`, chromedp.ByQuery))
	tab.Press(browser.Enter)
	tab.Await("the details, from the table", `document.activeElement.id === "detail-title" && document.activeElement.textContent === "LND ln/0"`)
	tab.Press(browser.Escape)
	tab.Await("the focus back in the table", `document.getElementById("detail").hidden && document.activeElement.closest("#lnds tr")?.dataset.id === "ln/0"`)
}

func TestTheLightningLayerCanBeHidden(t *testing.T) {
	s := newSimulated(t, 5, 5)
	s.addLightning("ln", 3)
	tab := s.open(browser.Options{Still: true})
	tab.Await("the button", `!document.getElementById("ln-toggle").hidden && document.getElementById("ln-toggle").getAttribute("aria-pressed") === "true" && document.querySelectorAll("#graph .lnd").length === 3`)
	tab.Run(chromedp.Click(`#graph [data-lnd="ln/1"]`, chromedp.ByQuery))
	tab.Await("the details", `document.getElementById("detail-title")?.textContent === "LND ln/1"`)
	tab.Run(chromedp.Focus("#ln-toggle", chromedp.ByQuery))
	tab.Press(browser.Enter)
	tab.Await("the graph without it, and the table with it", `document.querySelectorAll("#graph .lnd, #graph .channel, #graph line.uses, .choosing").length === 0 && document.getElementById("detail").hidden
		&& document.getElementById("ln-toggle").getAttribute("aria-pressed") === "false" && !document.getElementById("lightning").hidden && document.querySelectorAll("#graph .node").length === 5`)
	tab.Click("#ln-toggle")
	tab.Await("the layer again", `document.querySelectorAll("#graph .lnd").length === 3 && document.querySelectorAll("#graph .channel").length === 3`)
}

func TestATipGoesWithWhatItIsAbout(t *testing.T) {
	s := newSimulated(t, 5, 5)
	s.addLightning("ln", 3)
	tab := s.open(browser.Options{Still: true})
	tab.Click("#zoom-in") // a graph that is fitted to its window hides the tip by that
	for key, at := range map[string]string{view.ChannelKey("ln", 0, 1, 0): `[data-channel="ln/0-1-0"]`, view.LNDKey("ln", 2): `[data-lnd="ln/2"]`} {
		tab.Await("the element "+at, fmt.Sprintf(`document.querySelector('#graph %s') !== null`, at))
		if !browser.Eval[bool](tab, fmt.Sprintf(`document.querySelector('#graph %s').dispatchEvent(new PointerEvent("pointerenter")) && !document.getElementById("tip").hidden`, at)) {
			t.Fatalf("%s has no tip", at)
		}
		s.lightning.Delete(key)
		tab.Await("the end of "+at+" and of its tip", fmt.Sprintf(`document.querySelector('#graph %s') === null && document.getElementById("tip").hidden`, at))
	}
}

func TestANodeThatNobodyHasReadHasNoBalance(t *testing.T) {
	s := newSimulated(t, 3, 3)
	s.addLightning("ln", 2)
	s.lightning.Set(view.LNDKey("ln", 1), view.LND{Ordinal: 1, Pod: "ln-lnd-1", Bitcoin: -1})
	tab := s.open(browser.Options{Still: true})
	tab.Await("the rows", `document.querySelector('#lnds [data-id="ln/0"] [data-name="Wallet"]')?.textContent === "5,000,000 sat"
		&& ["Wallet", "In channels"].every(n => document.querySelector('#lnds [data-id="ln/1"] [data-name="' + n + '"]')?.textContent === "–")`)
	tab.Run(chromedp.Click(`#graph [data-lnd="ln/1"]`, chromedp.ByQuery))
	tab.Await("the details and the tip", `/Wallet – In channels –/.test(document.getElementById("detail").innerText.replace(/\s+/g, " "))
		&& document.getElementById("tip").textContent.includes("wallet –channels –")`)
}

// An alias is what a program announces that anybody may run.
func TestHostileTextOfLightningNetworksIsText(t *testing.T) {
	const hostile = `<img src="http://127.0.0.1:1/x" onerror="window.owned = true">`
	s := newSimulated(t, 3, 3)
	s.addLightning("ln", 3)
	node := s.lnd("ln", 0)
	node.Alias, node.PubKey, node.Address, node.Version, node.Pod = hostile, hostile, hostile, hostile, hostile
	s.lightning.Set(view.LNDKey("ln", 0), node)
	s.lightning.Set(view.ChannelKey("ln", 0, 1, 0), view.Channel{From: 0, To: 1, Kind: hostile, State: hostile, ShortID: hostile, Message: hostile})
	s.lightning.Set(view.LightningKey("ln"), view.Lightning{
		Bitcoin: "net", Nodes: 3, State: hostile, Message: hostile, Conditions: []view.Condition{{Type: hostile, Status: hostile, Reason: hostile, Message: hostile}},
	})
	tab := s.open(browser.Options{Still: true})
	for _, id := range []string{"lnds", "channel-rows", "lightnings"} {
		tab.Await("the text in "+id, fmt.Sprintf(`document.getElementById(%q).textContent.includes("onerror=")`, id))
	}
	tab.Run(chromedp.Click(`#graph [data-lnd="ln/0"]`, chromedp.ByQuery))
	tab.Await("the details", `document.getElementById("detail").textContent.includes("onerror=") && document.getElementById("tip").textContent.includes("onerror=")`)
	if browser.Eval[bool](tab, `window.owned === true || document.querySelectorAll("img").length > 0`) {
		t.Error("the text became elements")
	}
}

// lightningFits is empty, or what is wrong with the place of the Lightning layer.
const lightningFits = `(() => {
	const wrong = [], of = s => [...document.querySelectorAll(s)].map(e => e.getBoundingClientRect()), lnds = of("#graph .lnd .shape"), nodes = of("#graph .node .shape");
	const stage = document.getElementById("stage").getBoundingClientRect(), legend = document.getElementById("legend").getBoundingClientRect();
	for (const r of lnds) if (r.left < stage.left - 1 || r.right > stage.right + 1 || r.top < stage.top - 1 || r.bottom > legend.top + 1) wrong.push("an LND node is outside: " + JSON.stringify(r));
	const close = (a, b) => Math.hypot(a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2) < (a.width + b.width) / 2 * .9;
	lnds.forEach((a, i) => { if ([...lnds.slice(i + 1), ...nodes].some(b => close(a, b))) wrong.push("LND node " + i + " overlaps"); });
	const heights = of("#graph .below").filter(b => b.width);
	lnds.forEach((a, i) => { if (heights.some(b => a.left + 2 < b.right && b.left + 2 < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom)) wrong.push("LND node " + i + " is on a height"); });
	const table = document.querySelector("#lightning .scroll").getBoundingClientRect();
	if (table.right > document.documentElement.clientWidth + 1) wrong.push("the table is wider than the window");
	return wrong.join("; ");
})()`

func TestTheLightningLayerFitsAtEachWidthByDayAndNight(t *testing.T) {
	for _, size := range [][2]int64{{360, 740}, {1440, 900}} {
		for _, nodes := range [][3]int{{3, 3, 3}, {5, 5, 12}, {16, 24, 16}} {
			s := newSimulated(t, nodes[0], nodes[1])
			s.addLightning("ln", nodes[2])
			tab := s.open(browser.Options{Width: size[0], Height: size[1], Dark: size[0] == 360, Still: true})
			tab.Await("the layer and its table", fmt.Sprintf(`document.querySelectorAll("#graph .lnd").length === %d && document.querySelectorAll("#lnds tr").length === %[1]d`, nodes[2]))
			if wrong := browser.Eval[string](tab, fits) + browser.Eval[string](tab, lightningFits); wrong != "" {
				t.Errorf("%v nodes at a width of %d: %s", nodes, size[0], wrong)
			}
			if *pictures != "" {
				tab.Picture(filepath.Join(*pictures, fmt.Sprintf("lightning-%d-%d.png", nodes[0], size[0])))
			}
		}
	}
}

func TestAViewerWithoutTheRightToLightningNetworksSeesTheRest(t *testing.T) {
	c, address := newCluster(t)
	c.addLightning("ln", 3)
	c.store.Set("page", map[string]any{"namespace": "team-a", "lightning": true})
	const reason = "eve has no right to watch lightningnetworks"
	c.set(func() { c.noLightning["eve/team-a"] = reason })
	// Not a word of them is in the stream: it ends when the right is given, after everything that it has.
	response := get(t, http.MethodGet, address+"/api/stream?namespace=team-a", "eve/team-a")
	reader, stream, started := bufio.NewReader(response.Body), "", time.Now()
	for !strings.Contains(stream, reason) {
		line, err := reader.ReadString('\n')
		if stream += line; err != nil || time.Since(started) > browserLimit {
			t.Fatalf("the stream does not have the reason (%v): %s", err, stream)
		}
	}
	tab := browser.Open(t, address, browser.Options{Still: true, Width: 1280, Height: 800})
	tab.Await("the form", `!document.getElementById("sign-in").hidden`)
	tab.Fill("#sign-in-token", "eve/team-a")
	tab.Press(browser.Enter)
	tab.Await("the networks and the reason", `document.querySelectorAll("#graph .node").length === 5 && document.getElementById("lightning").hidden
		&& document.getElementById("banner").textContent === "Lightning networks are not shown: eve has no right to watch lightningnetworks."`)
	c.set(func() { delete(c.noLightning, "eve/team-a") })
	tab.Await("the Lightning network", `document.querySelectorAll("#graph .lnd").length === 3 && document.getElementById("banner").hidden`)
	for {
		line, err := reader.ReadString('\n')
		if stream += line; err != nil {
			break
		}
		if time.Since(started) > 2*browserLimit {
			t.Fatal("the stream without the right continues")
		}
	}
	if strings.Contains(stream, "ln/ln") || strings.Contains(stream, "ln-lnd") {
		t.Errorf("the stream without the right is %s", stream)
	}
	c.set(func() { c.noLightning["eve/team-a"] = reason })
	tab.Await("the end of the Lightning network", `document.querySelectorAll("#graph .lnd").length === 0 && document.querySelectorAll("#graph .node").length === 5`)
}
