package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// recordHead are the network and the length before each block.
const recordHead = 8

// readChain reads the blocks of the manifest. Each must be one of regtest that follows the one before; whether its transactions are valid
// is what bitcoind decides.
func (a *Archive) readChain(r io.Reader) error {
	previous := *chaincfg.RegressionNetParams.GenesisHash
	for height := 1; height <= a.Blocks; height++ {
		raw, err := readRecord(r)
		if err != nil {
			return fmt.Errorf("block %d: %w", height, err)
		}
		header, err := checkBlock(raw, previous)
		if err != nil {
			return fmt.Errorf("block %d: %w", height, err)
		}
		previous = header.BlockHash()
		a.Chain, a.Hashes = append(a.Chain, raw), append(a.Hashes, previous)
		if header.Timestamp.After(a.Latest) {
			a.Latest = header.Timestamp
		}
		if height == a.Blocks && !header.Timestamp.Equal(a.BestBlockTime) {
			return fmt.Errorf("the last block is from %s, and %s by the manifest", header.Timestamp.UTC(), a.BestBlockTime)
		}
	}
	if previous.String() != a.BestBlock {
		return fmt.Errorf("the last block is %s, and %s by the manifest", previous, a.BestBlock)
	}
	return nil
}

func readRecord(r io.Reader) ([]byte, error) {
	var head [recordHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	magic, length := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:])
	if magic != uint32(wire.TestNet) {
		return nil, errors.New("it is not one of regtest")
	}
	if length > wire.MaxBlockPayload {
		return nil, fmt.Errorf("it claims %d bytes, and a block has at most %d", length, wire.MaxBlockPayload)
	}
	// The buffer grows with what follows, whatever the length claims.
	raw, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err == nil && len(raw) < int(length) {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}

func checkBlock(raw []byte, previous chainhash.Hash) (*wire.BlockHeader, error) {
	var block wire.MsgBlock
	source := bytes.NewReader(raw)
	if err := block.Deserialize(source); err != nil {
		return nil, fmt.Errorf("it cannot be decoded: %v", err) //nolint:errorlint // its end is not the end of the file
	}
	hash := block.BlockHash()
	switch {
	case source.Len() > 0:
		return nil, errors.New("something follows its last transaction")
	case block.Header.PrevBlock != previous:
		return nil, fmt.Errorf("it does not follow block %s", previous)
	case block.Header.Bits != chaincfg.RegressionNetParams.PowLimitBits || !hasWork(hash):
		return nil, errors.New("it has not the work of a block of regtest")
	case len(block.Transactions) == 0 || merkleRoot(&block) != block.Header.MerkleRoot:
		return nil, errors.New("its transactions are not those of its header")
	}
	return &block.Header, nil
}

// hasWork compares the hash with the target of regtest, 7fffff followed by zeros.
func hasWork(hash chainhash.Hash) bool {
	const last = chainhash.HashSize - 1
	return uint32(hash[last])<<16|uint32(hash[last-1])<<8|uint32(hash[last-2]) <= 0x7fffff
}

func merkleRoot(block *wire.MsgBlock) chainhash.Hash {
	level := make([]chainhash.Hash, len(block.Transactions))
	for i, tx := range block.Transactions {
		level[i] = tx.TxHash()
	}
	for len(level) > 1 {
		var next []chainhash.Hash
		for i := 0; i < len(level); i += 2 {
			pair := append(level[i][:len(level[i]):len(level[i])], level[min(i+1, len(level)-1)][:]...)
			next = append(next, chainhash.DoubleHashH(pair))
		}
		level = next
	}
	return level[0]
}
