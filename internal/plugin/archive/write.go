package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"
)

// Builder collects the blocks of a snapshot, in their order.
type Builder struct {
	chain bytes.Buffer
	count int
	last  *wire.BlockHeader
}

// fits reports whether a block has room behind a chain; both are sizes.
func fits(chain, block int) bool { return chain+recordHead+block <= maxChain }

// Add appends a block.
func (b *Builder) Add(block *wire.MsgBlock) error {
	if b.count >= MaxBlocks || !fits(b.chain.Len(), block.SerializeSize()) {
		return fmt.Errorf("the chain is too large for a snapshot, which has at most %d blocks and %d MiB", MaxBlocks, maxChain>>20)
	}
	var head [recordHead]byte
	binary.LittleEndian.PutUint32(head[:], uint32(wire.TestNet))
	binary.LittleEndian.PutUint32(head[4:], uint32(block.SerializeSize())) //nolint:gosec // a message is smaller
	b.chain.Write(head[:])
	if err := block.Serialize(&b.chain); err != nil {
		return err
	}
	b.count, b.last = b.count+1, &block.Header
	return nil
}

// Pack writes the archive. The manifest needs what is not known from the blocks and wallets only; the complete one is returned.
func (b *Builder) Pack(m Manifest, wallets []Wallet) ([]byte, Manifest, error) {
	if b.count == 0 {
		return nil, m, errors.New("the network has no blocks yet: mine some first")
	}
	list, err := json.Marshal(wallets)
	if err != nil {
		return nil, m, err
	}
	if len(list) > maxWallets {
		return nil, m, fmt.Errorf("the wallets are too large for a snapshot, which has at most %d MiB of them", maxWallets>>20)
	}
	best := b.last.BlockHash()
	m.Format, m.Version, m.Chain = Format, Version, Chain
	m.Height, m.Blocks, m.BestBlock, m.BestBlockTime = b.count, b.count, best.String(), b.last.Timestamp.UTC()
	m.Wallets = infos(wallets)
	m.Parts = []Part{part(blocksName, b.chain.Bytes()), part(walletsName, list)}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, m, err
	}
	if len(text) > maxManifest {
		return nil, m, fmt.Errorf("the list of wallets is too long for a snapshot, whose manifest has at most %d MiB: unload some", maxManifest>>20)
	}
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, m, err
	}
	archive := tar.NewWriter(compressed)
	for _, entry := range []struct {
		name string
		data []byte
	}{{manifestName, text}, {blocksName, b.chain.Bytes()}, {walletsName, list}} {
		header := &tar.Header{Name: entry.name, Mode: 0o600, Size: int64(len(entry.data)), ModTime: m.Created, Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return nil, m, err
		}
		if _, err := archive.Write(entry.data); err != nil {
			return nil, m, err
		}
	}
	if err := errors.Join(archive.Close(), compressed.Close()); err != nil {
		return nil, m, err
	}
	if out.Len() > MaxSize {
		return nil, m, fmt.Errorf("the snapshot has more than %d MiB", MaxSize>>20)
	}
	return out.Bytes(), m, nil
}

func part(name string, data []byte) Part {
	return Part{Name: name, Size: int64(len(data)), Digest: Digest(data)}
}

func infos(wallets []Wallet) []WalletInfo {
	list := make([]WalletInfo, len(wallets))
	for i, w := range wallets {
		list[i] = WalletInfo{Node: w.Node, Name: w.Name, PrivateKeys: w.PrivateKeys, Descriptors: len(w.Descriptors), Labels: len(w.Labels),
			Locked: len(w.Locked), Balance: w.Balance}
	}
	return list
}
