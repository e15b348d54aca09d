package page

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
)

var pictures = flag.String("pictures", "", "directory to write pictures of a simulated network to")

// open shows the page of a simulated network.
func (s *simulated) open(options browser.Options) *browser.Tab {
	tab := browser.Open(s.t, s.serve()+"/#"+testToken, options)
	tab.Await("the graph", fmt.Sprintf(`document.body.dataset.ready && document.querySelectorAll("#graph .node").length === %d`, s.nodes))
	return tab
}

// framesPerSecond counts frames for some time.
func framesPerSecond(tab *browser.Tab, duration time.Duration) float64 {
	return browser.Eval[float64](tab, fmt.Sprintf(`new Promise(done => { let n = 0; const start = performance.now();
		const frame = () => { n++; const took = performance.now() - start; took < %d ? requestAnimationFrame(frame) : done(n * 1000 / took); }; requestAnimationFrame(frame); })`,
		duration.Milliseconds()))
}

// fluency is how a page moved for some seconds.
type fluency struct {
	// frames per second, and while nothing moves.
	frames, idle float64
	// latencies from the value to the document, of the blocks that the page showed of those that were mined.
	latencies []time.Duration
	blocks    int
}

func (f fluency) median() time.Duration { return f.latencies[len(f.latencies)/2] }

// good has a limit for a browser without a graphics card, on a machine that runs other tests: what it can do is what it does while nothing
// moves.
func (f fluency) good() bool {
	return len(f.latencies) >= 3 && f.frames >= min(20, f.idle/3) && f.median() <= 600*time.Millisecond
}

func (f fluency) String() string {
	text := fmt.Sprintf("%.0f frames per second, %.0f while nothing moves; the page showed %d of %d blocks", f.frames, f.idle, len(f.latencies), f.blocks)
	if len(f.latencies) > 0 {
		text += fmt.Sprintf("; latency from the value to the document: median %s, worst %s", f.median().Round(time.Millisecond), slices.Max(f.latencies).Round(time.Millisecond))
	}
	return text
}

// move mines a block, records ten events and pays ten times, again and again. It returns when which block was mined.
func (s *simulated) move(ctx context.Context) map[int64]time.Time {
	sent := map[int64]time.Time{}
	for i := 0; ctx.Err() == nil; i++ {
		sent[s.height+1] = time.Now()
		s.mine(ctx, i*7%s.nodes, 5*time.Millisecond)
		for n := range 10 {
			s.store.Set(view.EventKey(fmt.Sprint(i%5, n)), view.Event{Network: s.name, Time: time.Now().UnixMilli(), Reason: "Simulated", Note: fmt.Sprint("event ", i, n)})
			s.pay("ln", n, 64, int64(i*10+n))
			wait(ctx, 50*time.Millisecond)
		}
	}
	return sent
}

// watch measures a page, which has window.seen, while everything moves, and loads it again. Its frames while nothing moves are the fewest
// of before and after, as other processes may begin in between; what the movement left in the page must not lower them.
func (s *simulated) watch(tab *browser.Tab, loaded func()) fluency {
	s.t.Helper()
	idle := framesPerSecond(tab, 2*time.Second)
	ctx, cancel := context.WithCancel(s.t.Context())
	moved := make(chan map[int64]time.Time, 1)
	go func() { moved <- s.move(ctx) }()
	f := fluency{frames: framesPerSecond(tab, 8*time.Second)}
	cancel()
	sent := <-moved
	seen := browser.Eval[map[string]float64](tab, "window.seen")
	for height, at := range sent {
		if shown, ok := seen[fmt.Sprint(height)]; ok {
			f.latencies = append(f.latencies, time.Duration(shown*1e6)-time.Duration(at.UnixNano()))
		}
	}
	slices.Sort(f.latencies)
	f.blocks = len(sent)
	if broken := tab.Broken(); len(broken) > 0 {
		s.t.Errorf("the page breaks its policy: %v", broken)
	}
	tab.Run(chromedp.Reload())
	loaded()
	f.idle = min(idle, framesPerSecond(tab, 2*time.Second))
	return f
}

// A hundred nodes with four hundred edges, blocks on their way and twenty events a second, and a Lightning network with payments. Other
// tests share the machine, so that the best of three rounds counts.
func TestAHundredNodesAreFluent(t *testing.T) {
	s := newSimulated(t, 100, 400)
	s.addLightning("ln", 64)
	tab := s.open(browser.Options{Script: `window.seen = {}; addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
		const height = document.getElementById("fact-height").textContent;
		window.seen[height] ||= performance.timeOrigin + performance.now();
	}).observe(document.getElementById("fact-height"), {childList: true, characterData: true, subtree: true}));`})
	loaded := func() {
		t.Helper()
		tab.Await("the graph", `document.body.dataset.ready && document.querySelectorAll("#graph .node").length === 100`)
		tab.Await("the Lightning network", `document.querySelectorAll("#graph .lnd").length === 64 && document.querySelectorAll("#graph .channel.active").length === 64`)
	}
	loaded()
	if got := browser.Eval[int](tab, `document.querySelectorAll("#graph .edge").length`); got != 400 {
		t.Errorf("%d edges are drawn", got)
	}
	for range 3 {
		f := s.watch(tab, loaded)
		t.Logf("100 nodes, 400 edges: %s", f)
		if f.good() {
			return
		}
	}
	t.Error("the page is not fluent in any of three rounds")
}

// A browser that is short of time draws a frame as of its start, which may be seconds before a value that came in between.
func TestBlocksTravelInASlowBrowser(t *testing.T) {
	s := newSimulated(t, 5, 5)
	tab := s.open(browser.Options{Script: `const soon = requestAnimationFrame.bind(window);
		window.requestAnimationFrame = step => soon(now => step(now - 2000));`})
	s.mine(t.Context(), 0, 5*time.Millisecond)
	tab.Await("the block to travel and arrive", `(({sparks, moving}) => Number(sparks) > 0 && moving === "false")(document.getElementById("motion").dataset)`)
}

func TestThePageLoadsOnlyItsOwnFilesAndHidesTheToken(t *testing.T) {
	s := newSimulated(t, 5, 5)
	tab := s.open(browser.Options{Expected: []string{"127.0.0.1:1/x.png", "Trusted"}})
	tab.Await("the token to leave the address", `location.hash === "" && !document.body.innerHTML.includes("`+testToken+`")`)
	loaded := strings.Join(tab.Loaded(), " ")
	for _, file := range []string{"/lib/d3.min.js", "/main.js", "/style.css", "/favicon.svg", "/api/stream"} {
		if !strings.Contains(loaded, file) {
			t.Errorf("%s was not loaded: %s", file, loaded)
		}
	}
	if strings.Contains(loaded, testToken+"?") || strings.Contains(strings.ReplaceAll(loaded, "/#"+testToken, ""), testToken) {
		t.Errorf("the token is in the address of a request: %s", loaded)
	}
	if broken := tab.Broken(); len(broken) > 0 {
		t.Errorf("the page breaks its policy: %v", broken)
	}
	// The policy is in force, so that the check above can fail.
	browser.Eval[string](tab, `new Image().src = "http://127.0.0.1:1/x.png"`)
	tab.Await("the violation", `window.broken.length > 0`)
	if browser.Eval[bool](tab, `(() => { try { document.body.innerHTML = "<b>x</b>"; return true; } catch { return false; } })()`) {
		t.Error("text can become elements")
	}
}

// What nodes and other people write is text, wherever the page shows it.
func TestHostileTextIsText(t *testing.T) {
	const hostile = `<img src="http://127.0.0.1:1/x" onerror="window.owned = true"><script>window.owned = true</script>`
	s := newSimulated(t, 3, 3)
	node := s.node(0)
	node.Version, node.Pod, node.Ready, node.Problem = hostile, hostile, false, hostile
	s.store.Set(view.NodeKey(s.name, 0), node)
	network := s.network()
	network.State, network.Good, network.Message, network.Mining = hostile, false, hostile, hostile
	network.Foreign = []view.Foreign{{Address: hostile, Version: hostile, Nodes: "0"}}
	s.store.Set(view.NetworkKey(s.name), network)
	s.store.Set(view.EventKey("1"), view.Event{Network: s.name, Reason: hostile, Note: hostile})
	s.store.Set(view.TipKey(s.name, 0), view.Tip{Hash: hostile, Height: 1})
	tab := s.open(browser.Options{})
	for _, id := range []string{"rows", "events", "about", "message", "state"} {
		if !browser.Eval[bool](tab, fmt.Sprintf(`document.getElementById(%q).textContent.includes("onerror=")`, id)) {
			t.Errorf("%s does not show the text", id)
		}
	}
	tab.Run(actionClick(0))
	tab.Await("the log", `document.querySelector("#detail .log").textContent.includes("onerror=alert(1)>")`)
	if browser.Eval[bool](tab, `window.owned === true || document.querySelectorAll("img, main script").length > 0`) {
		t.Error("the text became elements")
	}
	if broken := tab.Broken(); len(broken) > 0 {
		t.Errorf("the text breaks the policy: %v", broken)
	}
}
