package faucet

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/address/v2/base58"
)

// MasterKey is the extended private key of a wallet. It follows from the UID of the network and the ordinal of the node, so that the
// wallet can be created again when a pod without storage is replaced: the coins are in the chain, which the node gets from the others.
// Such keys are no secret, and coins of regtest have no value.
func MasterKey(wallet, uid string, ordinal int) string {
	return masterKey([]byte(fmt.Sprintf("kubectl btcnet %s %s %d", wallet, uid, ordinal)))
}

// descriptors are those of a wallet, for its addresses and for change (BIP 84).
func descriptors(wallet, uid string, ordinal int) (receive, change string) {
	key := MasterKey(wallet, uid, ordinal)
	return withChecksum("wpkh(" + key + "/84h/1h/0h/0/*)"), withChecksum("wpkh(" + key + "/84h/1h/0h/1/*)")
}

// masterKey is the extended private key of a seed for test networks (BIP 32).
func masterKey(seed []byte) string {
	mac := hmac.New(sha512.New, []byte("Bitcoin seed"))
	mac.Write(seed)
	sum := mac.Sum(nil)
	// Version tprv, then depth, fingerprint of the parent and number of the child, which are 0.
	key := append([]byte{0x04, 0x35, 0x83, 0x94}, make([]byte, 1+4+4)...)
	key = append(key, sum[32:]...) // chain code
	key = append(append(key, 0), sum[:32]...)
	first := sha256.Sum256(key)
	second := sha256.Sum256(first[:])
	return base58.Encode(append(key, second[:4]...))
}

// The character sets of BIP 380: of a descriptor, in an order that gives related characters the same high bits, and of a checksum.
const (
	descriptorCharset = "0123456789()[],'/*abcdefgh@:$%{}" + "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" + "ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	checksumCharset   = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// withChecksum appends the checksum of BIP 380, without which bitcoind does not import a descriptor.
func withChecksum(descriptor string) string {
	sum := uint64(1)
	class, classes := 0, 0
	for _, r := range descriptor {
		at := strings.IndexRune(descriptorCharset, r)
		sum = polymod(sum, at&31)
		class = class*3 + at>>5
		if classes++; classes == 3 {
			sum = polymod(sum, class)
			class, classes = 0, 0
		}
	}
	if classes > 0 {
		sum = polymod(sum, class)
	}
	for range 8 {
		sum = polymod(sum, 0)
	}
	sum ^= 1
	checksum := make([]byte, 8)
	for i := range checksum {
		checksum[i] = checksumCharset[sum>>(5*(7-i))&31]
	}
	return descriptor + "#" + string(checksum)
}

func polymod(sum uint64, value int) uint64 {
	top := sum >> 35
	sum = sum&0x7ffffffff<<5 ^ uint64(value) //nolint:gosec // not negative
	for i, generator := range []uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd} {
		if top>>i&1 == 1 {
			sum ^= generator
		}
	}
	return sum
}
