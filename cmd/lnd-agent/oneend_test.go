//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// rejects fails unless the first LND's agent rejects to close or forget a channel, with an error of its own.
func (p *pair) rejects(request api.Close, text string) {
	p.t.Helper()
	if err := p.a.client.CloseChannel(p.a.deadline(), p.a.at, request); err == nil || !strings.Contains(err.Error(), text) {
		p.t.Errorf("%+v: %v, want %q", request, err, text)
	}
}

// forgetAtOneEnd makes the other end forget a channel whose funding transaction exists. Its opener has it open then, and can only close it
// by force.
func (p *pair) forgetAtOneEnd(channel api.NewChannel, miner string) {
	p.t.Helper()
	p.open(channel)
	p.untilState(channel.Memo, api.PendingOpen)
	known, _ := p.channel(channel.Memo)
	p.rejects(api.Close{Point: known.Point, Force: true}, "its funding transaction is not confirmed")
	if err := p.b.client.CloseChannel(p.b.deadline(), p.b.at, api.Close{Point: known.Point, Abandon: true}); err != nil {
		p.t.Fatal(err)
	}
	p.chain.mine(6, miner)
	p.synced()
	p.untilState(channel.Memo, api.Open)
	p.rejects(api.Close{Point: known.Point, Abandon: true}, "its funding transaction is confirmed")
	if a, b := p.channel(channel.Memo); a.State != api.Open || b.Point != "" {
		p.t.Errorf("%+v, %+v", a, b)
	}
	if err := p.a.client.CloseChannel(p.a.deadline(), p.a.at, api.Close{Point: known.Point, Force: true}); err != nil {
		p.t.Fatal(err)
	}
	p.untilState(channel.Memo, api.WaitingClose)
	p.chain.mine(6, miner)
	p.untilState(channel.Memo, api.ForceClosing)
}

// closeAtTheOtherEnd closes a channel by force at the end that has not opened it. Its opener lists it as open, and may list it as active,
// until that is in blocks.
func (p *pair) closeAtTheOtherEnd(memo string) {
	p.t.Helper()
	known, _ := p.channel(memo)
	if err := p.b.client.CloseChannel(p.b.deadline(), p.b.at, api.Close{Point: known.Point, Force: true}); err != nil {
		p.t.Fatal(err)
	}
	testtools.Eventually(p.t, "only the other end is closing it", limit, func() error {
		if a, b := p.channel(memo); a.State != api.Open || b.State != api.WaitingClose || !b.Forced {
			return fmt.Errorf("%+v, %+v", a, b)
		}
		return nil
	})
	p.chain.mine(6, p.address)
	p.untilState(memo, api.ForceClosing)
}

// A reorganisation takes the coins of an open channel, so that its closing transaction can never be in a block. The operator cannot know
// that, and a person can make LND forget the channel.
func TestAPersonMakesARealLNDForgetAChannelWhoseClosingTransactionIsImpossible(t *testing.T) {
	p := newPair(t)
	p.connect()
	miner := p.miner()
	competing := p.fundTwice(miner)
	funded := p.chain.text("getbestblockhash")
	channel := api.NewChannel{Memo: "uid/0-1-0", Capacity: 1_000_000, Push: 200_000}
	p.open(channel)
	p.chain.mine(6, miner)
	p.untilUsable(channel.Memo, true)
	lost, _ := p.channel(channel.Memo)
	p.chain.must("invalidateblock", nil, funded)
	p.chain.must("generateblock", nil, miner, []string{competing})
	p.chain.mine(30, miner)
	p.synced()
	if p.chain.has(lost.Point) {
		t.Fatal("the funding transaction exists")
	}
	p.untilInGraph(channel.Memo, false)
	if err := p.a.client.CloseChannel(p.a.deadline(), p.a.at, api.Close{Point: lost.Point, Force: true}); err != nil {
		t.Fatal(err)
	}
	p.untilState(channel.Memo, api.WaitingClose)
	p.chain.mine(30, miner)
	p.synced()
	if a, b := p.channel(channel.Memo); a.State != api.WaitingClose || b.Point == "" {
		t.Fatalf("%+v, %+v", a, b)
	}
	for _, l := range []*realLND{p.a, p.b} {
		l.lncli("abandonchannel", "--i_know_what_i_am_doing", "--chan_point", lost.Point)
		l.until("it has no channel", func(s api.State) bool { return s.Channels != nil && len(s.Channels) == 0 })
	}
}

// disable disables the policies of both ends of a channel, which stays in the graphs.
func (p *pair) disable(memo string) {
	p.t.Helper()
	a, _ := p.channel(memo)
	for _, l := range []*realLND{p.a, p.b} {
		l.lncli("updatechanstatus", "--action=disable", "--chan_point="+a.Point)
	}
	p.untilInGraph(memo, true)
}

// untilInGraph waits until no end has a usable policy of a channel, and whether it is in their graphs is as wanted.
func (p *pair) untilInGraph(memo string, inGraph bool) {
	p.t.Helper()
	testtools.Eventually(p.t, fmt.Sprintf("%s in the graphs: %v", memo, inGraph), limit, func() error {
		a, b := p.channel(memo)
		for _, c := range []api.Channel{a, b} {
			if c.State != api.Open || c.Policies != 0 || c.NotInGraph == inGraph {
				return fmt.Errorf("%+v, %+v", a, b)
			}
		}
		return nil
	})
}

// lncli runs a command of LND's own program.
func (l *realLND) lncli(args ...string) {
	l.t.Helper()
	data := filepath.Join(l.dir, "data")
	options := []string{
		"--network=regtest", "--rpcserver=" + l.rpc, "--tlscertpath=" + filepath.Join(data, "tls.cert"),
		"--macaroonpath=" + filepath.Join(data, "data/chain/bitcoin/regtest/admin.macaroon"),
	}
	//nolint:gosec // it is LND's
	if out, err := exec.CommandContext(l.t.Context(), filepath.Join(testtools.LND(l.t), "lncli"), append(options, args...)...).CombinedOutput(); err != nil {
		l.t.Fatalf("lncli %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
