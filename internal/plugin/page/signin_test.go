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

func TestAPersonSeesNothingOfTheOneWhoSignedInBefore(t *testing.T) {
	c, address := newCluster(t)
	c.addLightning("ln", 3)
	c.store.Set("page", map[string]any{"namespace": "team-a", "lightning": true})
	tab := browser.Open(t, address, browser.Options{Still: true, Expected: []string{"401 (Unauthorized)", "503 (Service Unavailable)", "does not answer now"}})
	enter := func(token string) {
		t.Helper()
		tab.Await("the form", `!document.getElementById("sign-in").hidden`)
		tab.Fill("#sign-in-token", token)
		tab.Press(browser.Enter)
	}
	enter("ann/team-a")
	tab.Await("the tables", `document.querySelectorAll("#rows tr").length === 5 && document.querySelectorAll("#lnds tr").length === 3 && document.querySelectorAll("#channel-rows tr").length === 3`)
	c.set(func() { c.denied["ann/team-a"] = true })
	tab.Await("the form again", `!document.getElementById("sign-in").hidden`)
	c.set(func() { c.broken = true })
	enter("bob/team-b")
	const nothing = `document.getElementById("lightning").hidden && document.getElementById("title").textContent === "btcnet" && !/net-sts|ln-lnd/.test(document.body.innerText)
		&& document.querySelectorAll("#rows tr, #lnds tr, #channel-rows tr, #lightnings section, #graph .node, #graph .lnd").length === 0 && !document.getElementById("banner").textContent.includes("was true at")`
	tab.Await("nothing before the first answer", `document.getElementById("live").dataset.live === "lost" && document.getElementById("empty-title").textContent === "Not connected" && `+nothing)
	c.set(func() { c.broken = false })
	tab.Await("that the namespace has no network", `document.getElementById("live").dataset.live === "live" && document.getElementById("empty-title").textContent === "No network in this namespace" && `+nothing)
}
