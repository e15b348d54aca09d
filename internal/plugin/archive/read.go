package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"
)

// Read checks a whole file: the form of the archive, the digests of its parts, and that the blocks are a chain of regtest.
func Read(data []byte) (*Archive, error) {
	a := &Archive{Digest: Digest(data)}
	source := bytes.NewReader(data)
	compressed, err := gzip.NewReader(source)
	if err != nil {
		return nil, errors.New("it is not compressed as a snapshot is")
	}
	compressed.Multistream(false)
	r := reader{tar.NewReader(compressed), a}
	for _, step := range []func() error{r.manifest, r.blocks, r.wallets} {
		if err := step(); err != nil {
			return nil, plain(err)
		}
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more entries than a snapshot")
	}
	// What follows is the filling of the archive; the checksum is behind it.
	rest, err := io.Copy(io.Discard, io.LimitReader(compressed, maxFilling+1))
	switch {
	case err != nil:
		return nil, plain(err)
	case rest > maxFilling || source.Len() > 0:
		return nil, errors.New("something follows its end")
	}
	return a, nil
}

// maxFilling is the most that programs put behind the last entry of an archive.
const maxFilling = 1 << 20

// plain words the errors of the library for archives, which a cut file gives.
func plain(err error) error {
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is cut off")
	case errors.Is(err, gzip.ErrChecksum):
		return errors.New("its checksum is wrong")
	}
	return err
}

type reader struct {
	tar *tar.Reader
	a   *Archive
}

// entry opens the next entry, which must be this one.
func (r reader) entry(name string, limit int64) (int64, error) {
	header, err := r.tar.Next()
	switch {
	case err != nil:
		return 0, err
	case header.Name != name || header.Typeflag != tar.TypeReg:
		return 0, fmt.Errorf("it has the entry %q in place of %s", header.Name, name)
	case header.Size > limit:
		return 0, fmt.Errorf("its entry %s claims %d bytes, and a snapshot has at most %d", name, header.Size, limit)
	}
	return header.Size, nil
}

func (r reader) manifest() error {
	if _, err := r.entry(manifestName, maxManifest); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r.tar, maxManifest))
	if err != nil {
		return err
	}
	m := &r.a.Manifest
	if err := json.Unmarshal(text, m); err != nil {
		return fmt.Errorf("its manifest is not the expected JSON: %w", err)
	}
	switch {
	case m.Format != Format:
		return fmt.Errorf("its manifest is of the format %q, not %s", m.Format, Format)
	case m.Version != Version:
		return fmt.Errorf("it has version %d of the format, and this program reads version %d: use the release that wrote it", m.Version, Version)
	case m.Chain != Chain:
		return fmt.Errorf("its chain is %q, and networks have %s", m.Chain, Chain)
	case m.Blocks < 1 || m.Blocks > MaxBlocks || m.Height != m.Blocks:
		return fmt.Errorf("its manifest claims %d blocks up to height %d, and a snapshot has 1 to %d", m.Blocks, m.Height, MaxBlocks)
	case len(m.Parts) != 2 || m.Parts[0].Name != blocksName || m.Parts[1].Name != walletsName:
		return fmt.Errorf("its manifest does not list the parts %s and %s", blocksName, walletsName)
	}
	return nil
}

// part passes the content of a part to a function, and compares size and digest with the manifest.
func (r reader) part(p Part, limit int64, read func(io.Reader) error) error {
	size, err := r.entry(p.Name, limit)
	if err != nil {
		return err
	}
	if size != p.Size {
		return fmt.Errorf("%s has %d bytes, and %d by the manifest", p.Name, size, p.Size)
	}
	sum := sha256.New()
	content := io.TeeReader(io.LimitReader(r.tar, size), sum)
	if err := read(content); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != p.Digest {
		return fmt.Errorf("%s has the digest %s, and %s by the manifest", p.Name, got, p.Digest)
	}
	return nil
}

func (r reader) blocks() error {
	return r.part(r.a.Parts[0], maxChain, func(content io.Reader) error {
		// The digest is that of all, so nothing may be left in a buffer.
		buffered := bufio.NewReader(content)
		if err := r.a.readChain(buffered); err != nil {
			return err
		}
		if _, err := buffered.ReadByte(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s has more than the %d blocks of the manifest", blocksName, r.a.Blocks)
		}
		return nil
	})
}

func (r reader) wallets() error {
	return r.part(r.a.Parts[1], maxWallets, func(content io.Reader) error {
		text, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &r.a.Kept); err != nil {
			return errors.New(walletsName + " is not the expected JSON") // an error of the decoder might quote a key
		}
		seen := map[string]bool{}
		for _, w := range r.a.Kept {
			id := fmt.Sprintf("%d/%s", w.Node, w.Name)
			if err := CheckWallet(w); err != nil {
				return err
			}
			if seen[id] {
				return fmt.Errorf("it has the wallet %q of node %d twice", w.Name, w.Node)
			}
			seen[id] = true
		}
		if !slices.Equal(infos(r.a.Kept), r.a.Manifest.Wallets) {
			return errors.New("its manifest does not list the wallets that it has")
		}
		return nil
	})
}

const (
	maxNodes = 500
	maxName  = 255
	// MaxLabels are those of one wallet.
	MaxLabels = 100_000
)

// CheckWallet rejects what would create something else than a wallet: a name is a directory in the pod, and each line of the input of
// bitcoin-cli is an argument.
func CheckWallet(w Wallet) error {
	clean := path.Clean(w.Name)
	switch {
	case w.Node < 0 || w.Node >= maxNodes:
		return fmt.Errorf("it has a wallet of node %d, which no network has", w.Node)
	case w.Name == "" || len(w.Name) > maxName || clean != w.Name || path.IsAbs(w.Name) || clean == ".." || strings.HasPrefix(clean, "../") ||
		strings.ContainsFunc(w.Name, unicode.IsControl):
		return fmt.Errorf("it has a wallet with the name %q, which is no name of a wallet", w.Name)
	case len(w.Labels) > MaxLabels:
		return fmt.Errorf("the wallet %q has %d labels, and a snapshot has at most %d", w.Name, len(w.Labels), MaxLabels)
	}
	for _, label := range w.Labels {
		if strings.ContainsFunc(label.Address, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			return fmt.Errorf("the wallet %q has a label of %q, which is no address", w.Name, label.Address)
		}
	}
	return nil
}
