//go:build linux

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// realLND is the pod of a real LND.
type realLND struct {
	*pod
	p2p string
	rpc string
	key string
}

func newRealLND(t *testing.T, alias string) *realLND {
	t.Helper()
	l := &realLND{p2p: fmt.Sprint("127.0.0.1:", testtools.FreePort(t)), rpc: fmt.Sprint("127.0.0.1:", testtools.FreePort(t))}
	l.pod = newPod(t, "")
	l.write("config/lnd.conf", strings.Join([]string{
		"[Application Options]", "noseedbackup=true", "alias=" + alias + "-$(ORDINAL)", "listen=" + l.p2p, "restlisten=" + l.rest,
		"rpclisten=" + l.rpc, "nobootstrap=true", "maxpendingchannels=50", "trickledelay=500",
		"[Bitcoin]", "bitcoin.regtest=true", "bitcoin.node=bitcoind", "bitcoin.defaultchanconfs=1", "",
	}, "\n"))
	l.lnd = []string{filepath.Join(testtools.LND(t), "lnd")}
	l.start()
	return l
}

// pair is two LNDs at one bitcoind, of which the first has coins.
type pair struct {
	t       *testing.T
	chain   *bitcoind
	a, b    *realLND
	address string
}

// newPair also verifies what happens before and after the first block.
func newPair(t *testing.T) *pair {
	t.Helper()
	testtools.LND(t)
	p := &pair{t: t, chain: newBitcoind(t), a: newRealLND(t, "alice"), b: newRealLND(t, "bob")}
	p.a.untilProbe(api.AlivePath, http.StatusOK)
	if s := p.a.state(); s.Process != api.Waiting || p.a.probe(api.ReadyPath) == http.StatusOK {
		t.Errorf("without a backend: %+v", s)
	}
	p.a.putBackend(p.chain.polled())
	p.b.putBackend(p.chain.backend)
	p.a.until("LND waits for a block", func(s api.State) bool { return s.LND == api.LNDSyncing && s.Info != nil })
	var err error
	testtools.Eventually(t, "an address", limit, func() error {
		p.address, err = p.a.client.NewAddress(p.a.deadline(), p.a.at)
		return err
	})
	if _, err := p.a.client.ConnectPeers(p.a.deadline(), p.a.at, nil); !errors.Is(err, api.ErrNotActive) || !strings.Contains(err.Error(), api.LNDSyncing) {
		t.Errorf("peers before the first block: %v", err)
	}
	if alive, ready := p.a.probe(api.AlivePath), p.a.probe(api.ReadyPath); alive != http.StatusOK || ready == http.StatusOK {
		t.Errorf("before the first block: alive %d, ready %d", alive, ready)
	}
	p.chain.mine(1, p.address)
	p.chain.mine(100, p.address)
	p.synced()
	p.a.key, p.b.key = p.a.state().Info.PubKey, p.b.state().Info.PubKey
	p.a.until("the first coinbase is mature", func(s api.State) bool { return s.Wallet != nil && s.Wallet.Confirmed >= 50_0000_0000 })
	return p
}

// synced waits until both LNDs have the chain.
func (p *pair) synced() {
	p.t.Helper()
	height := p.chain.height()
	for _, l := range []*realLND{p.a, p.b} {
		l.until(fmt.Sprint("LND is synced at height ", height), func(s api.State) bool {
			return active(s) && s.Info.SyncedToChain && s.Info.Height == height
		})
		l.untilProbe(api.ReadyPath, http.StatusOK)
	}
}

func (p *pair) connect() {
	p.t.Helper()
	peer := api.Peer{PubKey: p.b.key, Host: p.b.p2p}
	for range 2 {
		failed, err := p.a.client.ConnectPeers(p.a.deadline(), p.a.at, []api.Peer{peer})
		if err != nil || len(failed) > 0 {
			p.t.Fatalf("%v, %v", failed, err)
		}
	}
	// Also with one that is connected, since LND itself connects too.
	if s := p.a.state(); !slices.Equal(s.Peers, []string{p.b.key}) {
		p.t.Errorf("the peers are %v", s.Peers)
	}
}

func (p *pair) open(channels ...api.NewChannel) api.ChannelsResult {
	p.t.Helper()
	for i := range channels {
		channels[i].PubKey = p.b.key
	}
	result, err := p.a.client.OpenChannels(p.a.deadline(), p.a.at, channels)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, tailOf(p.a.output.String()))
	}
	return result
}

// channel of a memo, at both ends. It is empty at an end that has none.
func (p *pair) channel(memo string) (a, b api.Channel) {
	p.t.Helper()
	for _, c := range p.a.state().Channels {
		if c.Memo == memo {
			a = c
		}
	}
	for _, c := range p.b.state().Channels {
		if c.Point == a.Point {
			b = c
		}
	}
	return a, b
}

// untilUsable waits until both ends agree on a channel that can be used.
func (p *pair) untilUsable(memo string, announced bool) {
	p.t.Helper()
	testtools.Eventually(p.t, memo+" can be used", limit, func() error {
		a, b := p.channel(memo)
		for _, c := range []api.Channel{a, b} {
			if !c.Active || c.Policies != 2 || c.Announced != announced || c.ShortID == "" || c.ShortID != a.ShortID || c.NotInGraph {
				return fmt.Errorf("%+v, %+v", a, b)
			}
		}
		return nil
	})
}

func (p *pair) untilState(memo string, want api.ChannelState) {
	p.t.Helper()
	testtools.Eventually(p.t, memo+" is "+string(want), limit, func() error {
		if a, b := p.channel(memo); a.State != want {
			return fmt.Errorf("%+v, %+v", a, b)
		}
		return nil
	})
}

func TestARealLNDOpensAndClosesWhatTheOperatorRequests(t *testing.T) {
	p := newPair(t)
	p.connect()
	failed, err := p.a.client.ConnectPeers(p.a.deadline(), p.a.at, []api.Peer{{PubKey: "02" + strings.Repeat("ab", 32), Host: "127.0.0.1:1"}})
	if err != nil || len(failed) != 1 {
		t.Errorf("a peer that does not exist: %v, %v", failed, err)
	}
	public := api.NewChannel{Memo: "uid/0-1-0", Capacity: 1_000_000, Push: 200_000}
	private := api.NewChannel{Memo: "uid/0-1-1", Capacity: 500_000, Private: true}
	third := api.NewChannel{Memo: "uid/0-1-2", Capacity: 20_000}
	if got := p.open(public, private, third); len(got.Opened) != 3 || len(got.Failed) > 0 || got.Opened[0].Point[:64] != got.Opened[2].Point[:64] {
		t.Fatalf("they have not one transaction: %+v", got)
	}
	p.untilState(public.Memo, api.PendingOpen)
	if got := p.open(public, private, third); len(got.Opened)+len(got.Failed) > 0 {
		t.Errorf("opened twice: %+v", got)
	}
	p.chain.mine(6, p.address)
	p.untilUsable(public.Memo, true)
	p.untilUsable(private.Memo, false)
	p.untilUsable(third.Memo, true)
	if a, b := p.channel(public.Memo); a.Memo != public.Memo || !a.Initiator || b.Initiator || a.Capacity != 1_000_000 || a.Remote != 200_000 || b.Local != 200_000 {
		t.Errorf("%+v, %+v", a, b)
	}
	// One that LND rejects, with one that it does not.
	small := api.NewChannel{Memo: "uid/0-1-3", Capacity: 19_999}
	fourth := api.NewChannel{Memo: "uid/0-1-4", Capacity: 30_000}
	if got := p.open(small, fourth, public); len(got.Opened) != 1 || got.Opened[0].Memo != fourth.Memo || len(got.Failed) != 1 || got.Failed[0].Memo != small.Memo {
		t.Errorf("one bad channel: %+v", got)
	}
	p.chain.mine(6, p.address)
	p.untilUsable(fourth.Memo, true)
	p.disable(private.Memo)
	p.close(public.Memo, private.Memo)
	p.abandon(api.NewChannel{Memo: "uid/0-1-5", Capacity: 25_000})
	p.restart(third.Memo, fourth.Memo)
	p.move(third.Memo)
	p.closeAtTheOtherEnd(third.Memo)
	p.noSecrets()
}

// close closes a channel cooperatively and another one by force.
func (p *pair) close(cooperative, forced string) {
	p.t.Helper()
	for _, request := range []struct {
		memo  string
		force bool
	}{{cooperative, false}, {forced, true}} {
		a, _ := p.channel(request.memo)
		for range 2 {
			if err := p.a.client.CloseChannel(p.a.deadline(), p.a.at, api.Close{Point: a.Point, Force: request.force}); err != nil {
				p.t.Fatalf("%s: %v", request.memo, err)
			}
		}
		p.untilState(request.memo, api.WaitingClose)
		if a, _ := p.channel(request.memo); a.Forced != request.force {
			p.t.Errorf("closed by force %v, reported as %v", request.force, a.Forced)
		}
		if got := p.open(api.NewChannel{Memo: request.memo, Capacity: 20_000}); len(got.Opened)+len(got.Failed) > 0 {
			p.t.Errorf("opened while it closes: %+v", got)
		}
	}
	p.chain.mine(6, p.address)
	p.untilState(cooperative, "")
	p.untilState(forced, api.ForceClosing)
}

// abandon makes LND forget a channel that is not confirmed, which can be opened again then.
func (p *pair) abandon(channel api.NewChannel) {
	p.t.Helper()
	p.open(channel)
	lost, _ := p.channel(channel.Memo)
	if err := p.a.client.CloseChannel(p.a.deadline(), p.a.at, api.Close{Point: lost.Point, Abandon: true}); err != nil {
		p.t.Fatal(err)
	}
	p.untilState(channel.Memo, "")
	if got := p.open(channel); len(got.Opened) != 1 || got.Opened[0].Point == lost.Point {
		p.t.Errorf("opened again: %+v", got)
	}
}

// restart restarts the container of the first one, without the operator.
func (p *pair) restart(memos ...string) {
	p.t.Helper()
	p.a.stop()
	p.a.start()
	p.a.untilProbe(api.ReadyPath, http.StatusOK)
	for _, memo := range memos {
		p.untilUsable(memo, true)
	}
}

// move moves bitcoind to another address.
func (p *pair) move(memo string) {
	p.t.Helper()
	p.chain.stop()
	p.chain.start()
	p.a.putBackend(p.chain.polled())
	p.b.putBackend(p.chain.backend)
	p.chain.mine(1, p.address)
	p.synced()
	p.untilUsable(memo, true)
}

func (p *pair) noSecrets() {
	p.t.Helper()
	for _, l := range []*realLND{p.a, p.b} {
		macaroon, err := os.ReadFile(filepath.Join(l.dir, "data/data/chain/bitcoin/regtest/admin.macaroon"))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, secret := range []string{hex.EncodeToString(macaroon), string(macaroon), bitcoindPassword, operatorPassword} {
			if l.printed(secret) {
				p.t.Errorf("the output has the secret %.8q…", secret)
			}
		}
	}
}
