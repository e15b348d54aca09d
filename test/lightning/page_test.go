//go:build e2e

package lightning

import (
	"fmt"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// Three nodes with two channels are drawn beside their bitcoinds, with the balances that LND has, also after a payment.
func TestTheLivePageShowsTheChannelsThatLNDHas(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 6)
	p := env.plugin("viewer")
	p.Does("create", "coins", "--nodes", "3", "--wait", "--timeout", pluginTimeout.String())
	p.Does("ln", "create", "ln", "--bitcoin-network", "coins", "--nodes", "3", "--channel", "0-1:1000000,push=200000", "--channel", "1-2:500000",
		"--wait", "--timeout", pluginTimeout.String())
	tab := browser.Open(t, e2e.Serves(p, p.Command("ui", "coins", "--no-browser")), browser.Options{Width: 1280, Height: 760, Limit: e2e.LimitFactor() * 30 * time.Second})
	tab.Await("two active channels between three nodes", `document.querySelectorAll("#graph .lnd:not(.lost):not(.unsynced)").length === 3
		&& [...document.querySelectorAll("#graph .channel.active")].map(c => c.dataset.channel).sort().join() === "ln/0-1-0,ln/1-2-0"`)
	tab.Await("the state", `document.querySelector("#lightnings .pill.good")?.textContent === "Ready"`)
	shows := func(what string) {
		t.Helper()
		// The balances that LND itself reports, as the table has them.
		for i := range 3 {
			tab.Await(fmt.Sprintf("the balance of node %d %s", i, what), fmt.Sprintf(
				`document.querySelector('#lnds [data-id="ln/%d"] [data-name="In channels"]')?.textContent === (%d).toLocaleString("en") + " sat"`, i, p.channelBalance(fmt.Sprint("ln-lnd-", i))))
		}
	}
	shows("at first")
	p.Does("ln", "pay", "ln", "0", "2", "1000")
	shows("after a payment over two hops")
	tab.Click(`#graph [data-lnd="ln/1"]`)
	tab.Await("the details of the node between", `document.getElementById("detail-title").textContent === "LND ln/1" && document.querySelectorAll("#detail .channel-list li.active").length === 2`)
	if broken := tab.Broken(); len(broken) > 0 {
		t.Errorf("the page breaks its policy: %v", broken)
	}
}
