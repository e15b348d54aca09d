package bitcoind

import (
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/address/v2/bech32"
)

// segwit encodes a witness program of zeros.
func segwit(t *testing.T, encode func(string, []byte) (string, error), version byte, length int) string {
	t.Helper()
	data, err := bech32.ConvertBits(make([]byte, length), 8, 5, true)
	if err != nil {
		t.Fatal(err)
	}
	address, err := encode("bcrt", append([]byte{version}, data...))
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func TestAddressesOfRegtestAreAccepted(t *testing.T) {
	for name, address := range map[string]string{
		"none":                          "",
		"a key hash of BIP 173":         "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
		"a script hash, version 0":      segwit(t, bech32.Encode, 0, 32),
		"taproot":                       segwit(t, bech32.EncodeM, 1, 32),
		"pay to anchor":                 "bcrt1pfeesnyr2tx",
		"a later version":               segwit(t, bech32.EncodeM, 16, 40),
		"a legacy key hash":             "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
		"a legacy script hash":          base58.CheckEncode(make([]byte, 20), versionScriptHash),
		"a legacy key hash, only zeros": base58.CheckEncode(make([]byte, 20), versionPubKeyHash),
	} {
		if err := CheckAddress(address); err != nil {
			t.Errorf("%s, %q: %v", name, address, err)
		}
	}
}

func TestOtherAddressesAreRejectedWithTheReason(t *testing.T) {
	for name, test := range map[string]struct{ address, want string }{
		"one wrong letter":             {"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt081", "invalid"},
		"two letters swapped":          {"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt008", "checksum is wrong"},
		"one letter less":              {"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt08", "checksum is wrong"},
		"taproot with the old sum":     {segwit(t, bech32.Encode, 1, 32), "not the one of witness version 1"},
		"version 0 with the new sum":   {segwit(t, bech32.EncodeM, 0, 20), "not the one of witness version 0"},
		"version 0 of 25 bytes":        {segwit(t, bech32.Encode, 0, 25), "25 bytes, version 0 allows 20 and 32"},
		"a program of one byte":        {segwit(t, bech32.EncodeM, 1, 1), "1 bytes, 2 to 40 are allowed"},
		"version 17":                   {segwit(t, bech32.EncodeM, 17, 32), "witness version is 17"},
		"base58 with one wrong letter": {"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfm", "checksum is wrong"},
		"base58 of the main network":   {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "not an address of regtest"},
		"base58 of 21 bytes":           {base58.CheckEncode(make([]byte, 21), versionPubKeyHash), "21 bytes, not 20"},
	} {
		if err := CheckAddress(test.address); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %q: got %v, want an error with %q", name, test.address, err, test.want)
		}
	}
}
