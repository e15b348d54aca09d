package page

import (
	"net/url"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
)

func TestAPersonSignsInAndSeesNetworksWithoutActions(t *testing.T) {
	c, address := newCluster(t)
	tab := browser.Open(t, address+"/?network=net", browser.Options{Still: true, Expected: []string{"401 (Unauthorized)", "403 (Forbidden)"}})
	tab.Await("the form", `!document.getElementById("sign-in").hidden && document.activeElement.id === "sign-in-token" && document.getElementById("sign-in").textContent.includes("--audience the-page")`)
	enter := func(token, namespace string) {
		t.Helper()
		tab.Fill("#sign-in-token", token)
		tab.Fill("#sign-in-namespace", namespace)
		tab.Press(browser.Enter)
	}
	enter("wrong", "")
	tab.Await("the reason", `document.querySelector("#sign-in .wrong")?.textContent.includes("not valid any more")`)
	enter("eve/team-b", "team-a")
	tab.Await("the missing right", `document.querySelector("#sign-in .wrong")?.textContent.includes("eve has no right to watch bitcoinnetworks")`)
	enter("ann/team-a", "team-a")
	tab.Await("the network", `document.getElementById("sign-in").hidden && document.querySelectorAll("#graph .node").length === 5 && document.querySelectorAll("#rows tr").length === 5`)
	if got := browser.Eval[string](tab, `[...new Set([...document.querySelectorAll("main button, dialog")].map(b => b.textContent))].filter(t => /…|confirm/i.test(t)).join()`); got != "" {
		t.Errorf("there are buttons of actions: %s", got)
	}
	if browser.Eval[bool](tab, `document.body.textContent.includes("Mempool") || document.querySelector("dialog") !== null`) {
		t.Error("there is a place for what the page cannot know")
	}
	tab.Run(actionClick(1))
	tab.Await("the details", `document.getElementById("detail-title")?.textContent === "Node 1"`)
	if browser.Eval[bool](tab, `document.querySelector("#detail .log, #detail .actions") !== null || document.getElementById("detail").textContent.includes("Log")`) {
		t.Error("the details have a log or actions")
	}
	c.height += 7
	c.publish()
	tab.Await("the next height", `document.getElementById("fact-height").textContent === "107"`)
	if browser.Eval[bool](tab, `document.body.outerHTML.includes("ann/team-a") || location.href.includes("ann") || JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie]).includes("ann")`) {
		t.Error("the token is kept in the document, the address or the browser's storage")
	}
	if strings.Contains(strings.Join(tab.Loaded(), " "), url.QueryEscape("ann/team-a")) {
		t.Error("the token is in the address of a request")
	}
	c.set(func() { c.denied["ann/team-a"] = true })
	tab.Await("the form again", `!document.getElementById("sign-in").hidden && document.getElementById("live-text").textContent === "Signed out" && document.getElementById("sign-in-namespace").value === "team-a"
		&& /not valid any more\. What the page shows was true at \S*\d:\d\d/.test(document.querySelector("#sign-in .wrong").textContent)`)
	enter("bob/team-a", "")
	tab.Await("the network again", `document.getElementById("live").dataset.live === "live" && document.getElementById("sign-in").hidden`)
	tab.Click("#sign-out")
	tab.Await("the form without anything", `!document.getElementById("sign-in").hidden && document.querySelectorAll("#rows tr").length === 0`)
	if broken := tab.Broken(); len(broken) > 0 {
		t.Errorf("the page breaks its policy: %v", broken)
	}
	if len(c.actions()) > 0 || len(c.viewed) > 0 || len(c.visible) > 0 {
		t.Errorf("the page called what it may not: %v %v %v", c.actions(), c.viewed, c.visible)
	}
}
