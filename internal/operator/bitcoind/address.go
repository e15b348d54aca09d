package bitcoind

import (
	"errors"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/address/v2/bech32"
)

const (
	regtestPrefix = "bcrt"
	// The version bytes of base58 addresses on regtest and testnet.
	versionPubKeyHash, versionScriptHash = 0x6f, 0xc4
)

// CheckAddress returns why an address is not one of regtest, with the rules of bitcoind; nil for a valid address and for none. A node
// would report it only when its first block is due.
func CheckAddress(address string) error {
	switch {
	case address == "":
		return nil
	case strings.HasPrefix(address, regtestPrefix+"1"):
		return checkSegwit(address)
	default:
		return checkBase58(address)
	}
}

func checkSegwit(address string) error {
	_, data, encoding, err := bech32.DecodeGeneric(address)
	var checksum bech32.ErrInvalidChecksum
	switch {
	case errors.As(err, &checksum):
		return errors.New("its checksum is wrong: a character is missing or mistyped")
	case err != nil:
		return err
	case len(data) == 0:
		return errors.New("it has no data")
	}
	// BIP 350: version 0 has the checksum of bech32, all later ones that of bech32m.
	version := data[0]
	if (version == 0) != (encoding == bech32.Version0) {
		return fmt.Errorf("its checksum is not the one of witness version %d", version)
	}
	program, err := bech32.ConvertBits(data[1:], 5, 8, false)
	switch length := len(program); {
	case err != nil:
		return err
	case version > 16:
		return fmt.Errorf("its witness version is %d, at most 16 is allowed", version)
	case version == 0 && length != 20 && length != 32:
		return fmt.Errorf("its witness program has %d bytes, version 0 allows 20 and 32", length)
	case length < 2 || length > 40:
		return fmt.Errorf("its witness program has %d bytes, 2 to 40 are allowed", length)
	}
	return nil
}

func checkBase58(address string) error {
	hash, version, err := base58.CheckDecode(address)
	switch {
	case errors.Is(err, base58.ErrChecksum):
		return errors.New("its checksum is wrong: a character is missing or mistyped")
	case err != nil:
		return err
	case version != versionPubKeyHash && version != versionScriptHash:
		return fmt.Errorf("it is not an address of regtest: its version byte is %d", version)
	case len(hash) != 20:
		return fmt.Errorf("its hash has %d bytes, not 20", len(hash))
	}
	return nil
}
