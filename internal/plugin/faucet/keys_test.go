package faucet

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestTheChecksumIsThatOfBitcoind(t *testing.T) {
	// From BIP 380 and from bitcoind's getdescriptorinfo.
	for descriptor, want := range map[string]string{
		"raw(deadbeef)": "raw(deadbeef)#89f8spxm",
		"pkh(02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5)": "pkh(02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5)#8fhd9pwu",
	} {
		if got := withChecksum(descriptor); got != want {
			t.Errorf("%s has the checksum %s, and should have %s", descriptor, got, want)
		}
	}
}

func TestTheMasterKeyIsThatOfBIP32(t *testing.T) {
	// The first test vector of BIP 32, whose key has the version of the main network: the rest is the same.
	seed, err := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	const want = "tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m"
	if got := masterKey(seed); got != want {
		t.Errorf("the key is %s, and should be %s", got, want)
	}
}

func TestEachNodeOfEachNetworkHasItsOwnKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, wallet := range []string{Wallet, TrafficWallet} {
		for _, uid := range []string{"a", "b", "a 1"} {
			for ordinal := range 3 {
				receive, change := descriptors(wallet, uid, ordinal)
				again, _ := descriptors(wallet, uid, ordinal)
				if seen[receive] || seen[change] || receive == change || again != receive || !strings.HasPrefix(receive, "wpkh(tprv") {
					t.Errorf("the descriptors of %s of node %d of %s are %s and %s", wallet, ordinal, uid, receive, change)
				}
				seen[receive], seen[change] = true, true
			}
		}
	}
}
