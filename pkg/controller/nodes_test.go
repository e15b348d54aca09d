package controller

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/pkg/bitcoind"
)

func TestWhatNoBitcoindSaysIsGarbage(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, spoil := range map[string]func(*answer){
		"another chain":         func(a *answer) { a.chain.Chain = "main" },
		"a chain of a megabyte": func(a *answer) { a.chain.Chain = long },
		"a hash that is none":   func(a *answer) { a.chain.BestBlockHash = "0" },
		"a hash of a megabyte":  func(a *answer) { a.chain.BestBlockHash = long },
		"a negative height":     func(a *answer) { a.chain.Blocks = -1 },
		"a version of a megabyte": func(a *answer) {
			a.info.Subversion = long
		},
	} {
		a := &answer{chain: bitcoind.ChainInfo{Chain: "regtest", BestBlockHash: strings.Repeat("0a", 32)}, info: bitcoind.NetworkInfo{Subversion: "/Satoshi:29.0.0/"}}
		if err := a.plausible(); err != nil {
			t.Fatal(err)
		}
		spoil(a)
		if err := a.plausible(); !errors.Is(err, bitcoind.ErrGarbage) || len(err.Error()) > 1000 {
			t.Errorf("%s: %.2000v", name, err)
		}
	}
}
