package page

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
)

const browserLimit = 30 * time.Second

// cuttable is a listener whose connections can be cut, as when a machine sleeps.
type cuttable struct {
	net.Listener
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (c *cuttable) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		if !c.cut {
			c.conns = append(c.conns, conn)
			c.mu.Unlock()
			return conn, nil
		}
		c.mu.Unlock()
		conn.Close() //nolint:errcheck // it is cut
	}
}

func (c *cuttable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut = cut; cut {
		for _, conn := range c.conns {
			conn.Close() //nolint:errcheck // it is cut
		}
		c.conns = nil
	}
}

// fits is empty, or what is wrong with how the page fits into its window.
const fits = `(() => {
	const root = document.documentElement, wrong = [];
	if (root.scrollWidth > root.clientWidth) wrong.push("the page scrolls sideways: " + root.scrollWidth + " > " + root.clientWidth);
	const stage = document.getElementById("stage").getBoundingClientRect(), legend = document.getElementById("legend").getBoundingClientRect();
	const shapes = [...document.querySelectorAll("#graph .node .shape")].map(s => s.getBoundingClientRect());
	for (const r of shapes) if (r.left < stage.left - 1 || r.right > stage.right + 1 || r.top < stage.top - 1 || r.bottom > legend.top + 1) { wrong.push("a node is outside: " + JSON.stringify(r)); break; }
	const labels = [...document.querySelectorAll("#graph .below, #graph .side-name")].filter(l => l.textContent).map(l => l.getBoundingClientRect());
	labels.forEach((a, i) => labels.slice(i + 1).forEach(b => { if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) wrong.push("labels overlap"); }));
	shapes.forEach((a, i) => shapes.slice(i + 1).forEach(b => { if (Math.hypot(a.x - b.x, a.y - b.y) < a.width * .9) wrong.push("nodes overlap"); }));
	const luminance = color => { const [r, g, b] = color.match(/[\d.]+/g).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
	const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
	const style = (s, p) => getComputedStyle(document.querySelector(s))[p];
	for (const [name, a, b] of [["text", style("body", "color"), style("body", "backgroundColor")], ["muted text", style(".facts dt", "color"), style(".bar", "backgroundColor")],
		["numbers of nodes", style("#graph .ordinal", "fill"), style("#graph .shape", "fill")], ["the state", style("#state", "color"), style(".bar", "backgroundColor")]])
		if (contrast(a, b) < 4.5) wrong.push(name + " has the contrast " + contrast(a, b).toFixed(1));
	return wrong.join("; ");
})()`

func TestThePageFitsAtEachWidthByDayAndNight(t *testing.T) {
	backs := map[string]bool{}
	for _, size := range [][2]int64{{360, 740}, {820, 1100}, {1440, 900}} {
		for _, nodes := range [][2]int{{5, 5}, {16, 24}, {100, 400}} {
			dark := size[0] != 820 && nodes[0] != 16
			s := newSimulated(t, nodes[0], nodes[1])
			tab := s.open(browser.Options{Width: size[0], Height: size[1], Dark: dark, Still: true})
			if wrong := browser.Eval[string](tab, fits); wrong != "" {
				t.Errorf("%d nodes at a width of %d: %s", nodes[0], size[0], wrong)
			}
			backs[fmt.Sprint(dark, browser.Eval[string](tab, `getComputedStyle(document.body).backgroundColor`))] = true
			if *pictures != "" {
				tab.Picture(filepath.Join(*pictures, fmt.Sprintf("simulated-%d-%d.png", nodes[0], size[0])))
			}
		}
	}
	if len(backs) != 2 {
		t.Errorf("by day and by night the page has the backgrounds %v", backs)
	}
}

// A person who wants less motion sees that a block arrived, and nothing that moves.
func TestBlocksTravelUnlessThePersonWantsLessMotion(t *testing.T) {
	for _, still := range []bool{false, true} {
		s := newSimulated(t, 12, 14)
		tab := s.open(browser.Options{Still: still})
		s.mine(t.Context(), 3, time.Millisecond)
		tab.Await("the block", `document.getElementById("fact-height").textContent === "101"`)
		tab.Await("the end of the movement", `document.getElementById("motion").dataset.moving === "false"`)
		want := 11 // each node but the first gets it on one edge
		if still {
			want = 0
		}
		if got := browser.Eval[int](tab, `Number(document.getElementById("motion").dataset.sparks)`); got != want {
			t.Errorf("still %v: %d sparks, want %d", still, got, want)
		}
		tab.Await("the new height below all nodes", `[...document.querySelectorAll("#graph .below")].every(b => b.firstChild.textContent === "101")`)
	}
}
