// Package archivetest has chains of regtest for tests: bitcoind accepts their blocks.
package archivetest

import (
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Chain mines blocks on the genesis block of regtest, a second apart, the last one at a time.
func Chain(length int, last time.Time) []*wire.MsgBlock {
	previous := *chaincfg.RegressionNetParams.GenesisHash
	blocks := make([]*wire.MsgBlock, length)
	for i := range blocks {
		blocks[i] = Mine(previous, i+1, last.Add(time.Duration(i+1-length)*time.Second))
		previous = blocks[i].BlockHash()
	}
	return blocks
}

// Mine mines an empty block, whose reward nobody can spend.
func Mine(previous chainhash.Hash, height int, at time.Time) *wire.MsgBlock {
	// The height as bitcoind demands it (BIP 34), up to 32767.
	script := []byte{2, byte(height), byte(height >> 8)}
	switch {
	case height <= 16:
		script = []byte{0x50 + byte(height), 0}
	case height < 1<<7:
		script = []byte{1, byte(height), 0}
	}
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, script, nil))
	tx.AddTxOut(wire.NewTxOut(0, []byte{0x6a}))
	root := tx.TxHash()
	block := wire.NewMsgBlock(wire.NewBlockHeader(0x20000000, &previous, &root, chaincfg.RegressionNetParams.PowLimitBits, 0))
	block.Header.Timestamp = at.Truncate(time.Second)
	block.Transactions = []*wire.MsgTx{tx}
	for hash := block.BlockHash(); hash[chainhash.HashSize-1] >= 0x7f; hash = block.BlockHash() {
		block.Header.Nonce++
	}
	return block
}
