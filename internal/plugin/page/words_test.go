package page

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
)

// A person must not take old values for the state of the cluster, and must know what to mend.
func TestWhyValuesAreOldAndSinceWhenIsNamed(t *testing.T) {
	s := newSimulated(t, 3, 3)
	tab := s.open(browser.Options{Still: true})
	since := time.Now().Add(-3 * time.Minute)
	for kind, words := range map[string]string{"right": "A right is missing", "credentials": "Credentials have expired", "unreachable": "No answer of the cluster"} {
		reason := "your account lacks " + kind
		s.store.Set("page", map[string]any{"namespace": "default", "stale": map[string]any{"kind": kind, "reason": reason, "since": since.UnixMilli()}})
		clock := fmt.Sprintf(`new Date(%d).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit"})`, since.UnixMilli())
		tab.Await("the words about "+kind, fmt.Sprintf(`document.getElementById("banner").textContent.includes(%s + %s) && !document.getElementById("banner").textContent.includes("cannot be reached")
			&& document.getElementById("live-text").textContent === %s && ["stage", "nodes", "lightning"].every(id => document.getElementById(id).classList.contains("stale"))`,
			browser.Quote("Your account lacks "+kind+". What the page shows was true at "), clock, browser.Quote(words)))
	}
	s.store.Set("page", map[string]any{"namespace": "default", "stale": map[string]any{"kind": "right", "reason": "your account lacks everything"}})
	tab.Await("the words about values that have never arrived",
		`document.getElementById("banner").innerText.trim() === "Your account lacks everything. It continues by itself when this is mended."`)
	s.store.Set("page", map[string]any{"namespace": "default"})
	tab.Await("the end of the words", `document.getElementById("banner").hidden && document.getElementById("live-text").textContent === "Live" && !document.querySelector(".stale")`)
}

func TestANamespaceThatIsTooLargeHasOneSentence(t *testing.T) {
	s := newSimulated(t, 3, 3)
	tab := s.open(browser.Options{Still: true})
	s.store.Replace("", map[string]any{"page": map[string]any{"namespace": "default", "tooLarge": "the networks and events need more memory than this page has"}})
	tab.Await("the sentence", `!document.getElementById("empty").hidden && document.getElementById("empty").innerText.includes("The networks and events need more memory than this page has.") && document.getElementById("empty-code").hidden`)
}

// A person who listens to the page has the table.
func TestTheTableHasInWordsWhatTheGraphShows(t *testing.T) {
	s := newSimulated(t, 6, 6)
	s.split([]int{0, 1, 2}, []int{3, 4, 5})
	node := s.node(4)
	node.Pod, node.Peered, node.Wanted = "net-packed-0/4", "3", "3,5"
	s.store.Set(view.NodeKey(s.name, 4), node)
	for _, width := range []int64{1280, 390} {
		tab := s.open(browser.Options{Width: width, Height: 800, Still: true})
		tab.Await("the row", `document.querySelector('#rows [data-id="4"]')?.innerText.includes("net-packed-0/4") && document.querySelectorAll("#rows tr").length === 6`)
		row := browser.Eval[string](tab, `document.querySelector('#rows [data-id="4"]').innerText.replace(/\s+/g, " ")`)
		for _, words := range []string{"net-packed-0/4", "ready", "branch 2", "3; not with 5"} {
			if !strings.Contains(row, words) {
				t.Errorf("at a width of %d the row is %q, without %q", width, row, words)
			}
		}
		count := map[string]int{}
		var tree struct {
			Nodes []struct {
				Role struct {
					Value string `json:"value"`
				} `json:"role"`
			} `json:"nodes"`
		}
		tab.Run(chromedp.ActionFunc(func(ctx context.Context) error {
			return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, nil, &tree)
		}))
		for _, n := range tree.Nodes {
			count[n.Role.Value]++
		}
		if count["table"] != 1 || count["columnheader"] != 9 || count["rowheader"] != 6 || count["row"] != 7 || count["cell"]+count["gridcell"] != 6*8 {
			t.Errorf("at a width of %d assistive technology gets %v", width, count)
		}
	}
}

// Details are beside the graph or below it: the focus goes there, and back to where it was.
func TestTheFocusFollowsTheDetails(t *testing.T) {
	s := newSimulated(t, 5, 5)
	tab := s.open(browser.Options{Still: true})
	const title = `document.activeElement.id === "detail-title" && document.activeElement.textContent === `
	tab.Await("the table", `document.querySelectorAll("#rows tr").length === 5`)
	tab.Run(chromedp.Focus(`#rows [data-id="3"] button`, chromedp.ByQuery))
	tab.Press(browser.Enter)
	tab.Await("the details", title+`"Node 3"`)
	tab.Click(`#detail dl button`)
	tab.Await("the details of a peer", title+`"Node 2"`)
	tab.Click(`#detail-close`)
	tab.Await("the focus in the table", `document.activeElement.closest("#rows tr")?.dataset.id === "2"`)
	tab.Run(actionClick(1))
	tab.Await("the details", title+`"Node 1"`)
	tab.Press(browser.Escape)
	tab.Await("the focus in the graph", `document.activeElement.dataset.node === "1"`)
}
