package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
)

// paging is a server without connections, whose pauses last until their page ends.
func paging(t *testing.T, grace time.Duration) (*simulated, *Server) {
	t.Helper()
	s := newSimulated(t, 3, 3)
	s.answer = s.pauses
	pages := &Server{Store: s.store, Backend: s, Token: testToken, Host: "127.0.0.1:8080", visits: visits{grace: grace}}
	t.Cleanup(func() { pages.Close(context.Background()) })
	return s, pages
}

// calls posts a call, and returns the code and the text of the answer.
func calls(t *testing.T, handler http.Handler, path string, call map[string]any) (int, string) {
	t.Helper()
	body, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8080"+path, strings.NewReader(string(body)))
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func pauseOf(visit string, node int) map[string]any {
	return map[string]any{"visit": visit, "action": Action{Kind: "pause", Network: "net", Node: node, Seconds: 600}}
}

// awaits waits until a number of nodes is paused.
func (s *simulated) awaits(paused int) {
	s.t.Helper()
	testtools.Eventually(s.t, fmt.Sprint(paused, " paused nodes"), browserLimit, func() error {
		if got := s.cut(); got != paused {
			return fmt.Errorf("%d nodes are paused", got)
		}
		return nil
	})
}

// A node that nobody watches is not to stay cut from the network.
func TestAPauseEndsSoonAfterTheStreamOfItsPage(t *testing.T) {
	s, pages := paging(t, time.Millisecond)
	handler := pages.Handler()
	of, leave, err := pages.visits.enter("", func() {})
	if err != nil {
		t.Fatal(err)
	}
	_, others, err := pages.visits.enter("", func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer others()
	if code, text := calls(t, handler, "/api/action", pauseOf(of.id, 1)); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, text)
	}
	s.awaits(1)
	leave()
	s.awaits(0)
	testtools.Eventually(t, "the end of the visit", browserLimit, func() error {
		if code, text := calls(t, handler, "/api/action", pauseOf(of.id, 1)); code != http.StatusGone || !strings.Contains(text, "no stream of events") {
			return fmt.Errorf("%d %s", code, text)
		}
		return nil
	})
}

func TestAPauseContinuesWhenTheStreamIsInterrupted(t *testing.T) {
	s, pages := paging(t, time.Hour)
	handler := pages.Handler()
	ended := 0
	of, leave, err := pages.visits.enter("", func() { ended++ })
	if err != nil {
		t.Fatal(err)
	}
	calls(t, handler, "/api/action", pauseOf(of.id, 1))
	s.awaits(1)
	// The server may hear of the lost connection before the next one, or after it.
	leave()
	again, leaveAgain, err := pages.visits.enter(of.id, func() { ended++ })
	if err != nil || again != of || ended != 0 {
		t.Fatalf("%v %v, %d streams were ended", again, err, ended)
	}
	if _, _, err = pages.visits.enter(of.id, func() {}); err != nil || ended != 1 {
		t.Fatalf("%v, %d streams were ended", err, ended)
	}
	leaveAgain()
	leave()
	if s.cut() != 1 || pages.visits.pages != 1 || of.ctx.Err() != nil {
		t.Errorf("%d nodes are paused, %d pages are open, %v", s.cut(), pages.visits.pages, of.ctx.Err())
	}
	pages.Close(t.Context())
	if s.cut() != 0 {
		t.Error("the server has ended, and a node is still paused")
	}
	if _, _, err := pages.visits.enter("", func() {}); err == nil {
		t.Error("a page is opened after the end")
	}
}

func TestWhatAPageBeganEndsWhenItsStreamIsAwayForTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &visits{grace: grace}
		of, leave, err := v.enter("", func() {})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // an interruption does not count for the next one
			leave()
			time.Sleep(grace - time.Millisecond)
			synctest.Wait()
			if _, leave, err = v.enter(of.id, func() {}); err != nil || of.ctx.Err() != nil {
				t.Fatalf("before the end of the grace: %v, %v", err, of.ctx.Err())
			}
		}
		time.Sleep(2 * grace)
		if of.ctx.Err() != nil {
			t.Error("a visit ends while it has a stream")
		}
		leave()
		time.Sleep(grace)
		synctest.Wait()
		if of.ctx.Err() == nil || len(v.open) > 0 || v.pages != 0 {
			t.Errorf("after the grace: %v, %d visits, %d pages", of.ctx.Err(), len(v.open), v.pages)
		}
	})
}

func TestAnActionIsReportedOverTheStreamOfItsPageOnly(t *testing.T) {
	_, pages := paging(t, time.Hour)
	handler := pages.Handler()
	one, _, _ := pages.visits.enter("", func() {})
	two, _, _ := pages.visits.enter("", func() {})
	calls(t, handler, "/api/action", pauseOf(one.id, 2))
	has := func(want string) {
		t.Helper()
		testtools.Eventually(t, want, browserLimit, func() error {
			if text := string(one.own.Message("").Text); !strings.Contains(text, want) {
				return fmt.Errorf("the page has %s", text)
			}
			return nil
		})
	}
	has(`"words":"node 2 is cut"`)
	for i := range maxEnded + 3 {
		calls(t, handler, "/api/action", map[string]any{"visit": one.id, "action": Action{Kind: "mine", Network: "net", Blocks: 1}})
		has(fmt.Sprintf(`"%s%d":{"action":{"kind":"mine","network":"net","node":0,"blocks":1,"sides":null,"seconds":0},"words":"done mine","ended":"good"}`, actionPrefix, i+2))
	}
	testtools.Eventually(t, "the oldest ends to be dropped", browserLimit, func() error {
		text := string(one.own.Message("").Text)
		if n := strings.Count(text, `"ended"`); n > maxEnded || !strings.Contains(text, "node 2 is cut") {
			return fmt.Errorf("%d ends are kept: %s", n, text)
		}
		return nil
	})
	if text := string(two.own.Message("").Text); strings.Contains(text, "action") {
		t.Errorf("another page has %s", text)
	}
}

func TestThereAreNoMoreActionsThanTheBound(t *testing.T) {
	s, pages := paging(t, time.Hour)
	handler := pages.Handler()
	of, _, _ := pages.visits.enter("", func() {})
	for i := range maxActions {
		if code, text := calls(t, handler, "/api/action", pauseOf(of.id, i)); code != http.StatusAccepted {
			t.Fatalf("action %d: %d %s", i, code, text)
		}
	}
	s.awaits(maxActions)
	if code, text := calls(t, handler, "/api/action", pauseOf(of.id, 99)); code != http.StatusTooManyRequests || !strings.Contains(text, "8 actions run at the same time") {
		t.Errorf("one more: %d %s", code, text)
	}
}

// A page shows one log, whatever the order in which its calls arrive.
func TestThePageGetsTheLogThatItRequestedLast(t *testing.T) {
	_, pages := paging(t, time.Hour)
	handler := pages.Handler()
	of, _, _ := pages.visits.enter("", func() {})
	_, cursor, _ := of.own.Since("")
	log := func(number, node int) {
		t.Helper()
		if code, text := calls(t, handler, "/api/log", map[string]any{"visit": of.id, "number": number, "network": "net", "node": node}); code != http.StatusAccepted {
			t.Fatalf("%d %s", code, text)
		}
	}
	lines := func(want string) {
		t.Helper()
		testtools.Eventually(t, want, browserLimit, func() error {
			delta, _, _ := of.own.Since(cursor)
			if text := fmt.Sprintf("%s", delta.Moments); !strings.Contains(text, want) {
				return fmt.Errorf("%s", text)
			}
			return nil
		})
	}
	log(2, 1)
	lines(`{"log":2,"at":5,"line":"line 4 of node 1 \u003cimg`)
	log(1, 0) // which was overtaken
	log(3, 7)
	lines(`{"log":3,"at":1,"line":"the network net has no node 7"}`)
	log(4, -1)
	if delta, _, _ := of.own.Since(cursor); strings.Contains(fmt.Sprintf("%s", delta.Moments), `"log":1`) {
		t.Errorf("a log that was replaced: %s", delta.Moments)
	}
	pages.Close(t.Context()) // and no log runs any more
}

// A browser has six connections to an address: with one for each pause and each log, the page would seem dead.
func TestManyPausesAndALogDoNotHoldUpThePage(t *testing.T) {
	s := newSimulated(t, 9, 9)
	s.answer, s.grace = s.pauses, 100*time.Millisecond
	tab := s.open(browser.Options{})
	for i := range 7 {
		tab.Run(actionClick(i))
		tab.Await("the details", fmt.Sprintf(`document.getElementById("detail-title")?.textContent === "Node %d"`, i))
		tab.Await("the log", fmt.Sprintf(`document.querySelector("#detail .log").textContent.includes("line 4 of node %d")`, i))
		tab.Click(`#detail .actions button:last-child`)
		tab.Click("#dialog-confirm")
		tab.Await("the progress", fmt.Sprintf(`document.getElementById("toasts").textContent.includes("node %d is cut")`, i))
	}
	s.awaits(7)
	tab.Press(browser.Escape)
	tab.Click(`[data-action="mine"]`)
	tab.Click("#dialog-confirm")
	tab.Await("the result of another action", `document.getElementById("toasts").textContent.includes("done mine")`)
	tab.Run(chromedp.Navigate("about:blank"))
	s.awaits(0)
}

func TestTheSixthPageHasWords(t *testing.T) {
	s := newSimulated(t, 3, 3)
	address := s.serve()
	ends := make([]func(), maxPages)
	for i := range ends {
		next, end := reads(t, address, "")
		next()
		ends[i] = end
	}
	tab := browser.Open(t, address+"/#"+testToken, browser.Options{Expected: []string{"429 (Too Many Requests)"}})
	tab.Await("the words", `document.getElementById("empty").innerText.includes("5 pages are open")`)
	ends[0]()
	tab.Await("the page to be shown", `document.getElementById("live").dataset.live === "live" && document.querySelectorAll("#graph .node").length === 3`)
}
