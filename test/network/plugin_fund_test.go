//go:build e2e

package network

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// gift is a payment of kubectl btcnet fund.
type gift struct{ address, amount, txid string }

// fundsUntil pays to a fresh address of another node at an interval until a command has ended, and at least once. The first payments of a
// node mine the 101 blocks that they need. Wallet person of node 2 has to exist.
func (p plugin) fundsUntil(ended <-chan error, name string, nodes int, interval time.Duration) (given []gift) {
	p.Helper()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		given = append(given, p.gives(name, len(given), nodes))
		select {
		case err := <-ended:
			if err != nil {
				p.Errorf("the command ended with %v", err)
			}
			return given
		case <-tick.C:
		case <-p.Context().Done():
			p.Fatal("the test ended while it waited for the end of a command")
		}
	}
}

// gives makes a payment, from one node after the other, whose amount no other has.
func (p plugin) gives(name string, number, nodes int) gift {
	p.Helper()
	return p.beginsToGive(name, number, nodes)()
}

// beginsToGive starts the command; the function that it returns waits for its end.
func (p plugin) beginsToGive(name string, number, nodes int) func() gift {
	p.Helper()
	address, err := p.cli(name+"-sts-2", "-rpcwallet=person", "getnewaddress")
	if err != nil {
		p.Fatal(err)
	}
	amount := fmt.Sprintf("0.1%07d", number+1)
	var out, errOut bytes.Buffer
	command := p.Command("fund", fmt.Sprintf("%s/%d", name, number%nodes), address, amount, "-o", "json")
	command.Stdout, command.Stderr = &out, &errOut
	if err := command.Start(); err != nil {
		p.Fatal(err)
	}
	return func() gift {
		p.Helper()
		var payment struct {
			TXID   string
			Amount json.Number
			Block  *struct{ Height int }
		}
		err := command.Wait()
		p.Logf("payment %d: %s%s", number, out.String(), errOut.String())
		if err == nil {
			err = json.Unmarshal(out.Bytes(), &payment)
		}
		if err != nil || payment.Amount.String() != amount || payment.Block == nil {
			p.Fatalf("payment %d ended with %v", number, err)
		}
		return gift{address, amount, payment.TXID}
	}
}

// arrived checks what bitcoind has received at each address, in blocks.
func (env *testEnv) arrived(pod string, given []gift) {
	env.Helper()
	for _, g := range given {
		if got, err := env.cli(pod, "-rpcwallet=person", "getreceivedbyaddress", g.address, "1"); err != nil || got != g.amount {
			env.Errorf("%s of transaction %s has received %s, and should have %s (%v)", g.address, g.txid, got, g.amount, err)
		}
	}
	env.Logf("%d payments have arrived", len(given))
}

func TestTwoFundsAtTheSameTimeArriveBoth(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	p := env.plugin("bob", pluginRights)
	env.create(network("both", 3))
	env.ready("both", readyTimeout)
	if _, err := p.cli("both-sts-2", "createwallet", "person"); err != nil {
		t.Fatal(err)
	}
	var given []gift
	for i := range 2 { // they have coins afterwards
		given = append(given, p.gives("both", i, 2))
	}
	for range 3 {
		first, second := p.beginsToGive("both", len(given), 2), p.beginsToGive("both", len(given)+1, 2)
		given = append(given, first(), second())
	}
	env.arrived("both-sts-2", given)
}
