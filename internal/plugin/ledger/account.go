package ledger

import (
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// Keys is the number of addresses of each branch of an account that the ledger uses and finds coins of.
const Keys = 100

// key is one address of an account, with what spends from it.
type key struct {
	address string
	script  []byte
	private *btcec.PrivateKey
}

// Account has the keys of one wallet.
type Account struct {
	receive, change []*key
}

// NewAccount derives the keys of an extended private key as bitcoind does for wpkh(KEY/84h/1h/0h/{0,1}/*), BIP 84.
func NewAccount(extended string) (*Account, error) {
	at, err := hdkeychain.NewKeyFromString(extended)
	if err != nil {
		return nil, err
	}
	for _, step := range []uint32{84, 1, 0} {
		if at, err = at.Derive(hdkeychain.HardenedKeyStart + step); err != nil {
			return nil, err
		}
	}
	var branches [2][]*key
	for branch := range branches {
		parent, err := at.Derive(uint32(branch)) //nolint:gosec // 0 or 1
		if err != nil {
			return nil, err
		}
		for i := range uint32(Keys) {
			k, err := newKey(parent, i)
			if err != nil {
				return nil, fmt.Errorf("key %d: %w", i, err)
			}
			branches[branch] = append(branches[branch], k)
		}
	}
	return &Account{branches[0], branches[1]}, nil
}

func newKey(parent *hdkeychain.ExtendedKey, index uint32) (*key, error) {
	child, err := parent.Derive(index)
	if err != nil {
		return nil, err
	}
	private, err := child.ECPrivKey()
	if err != nil {
		return nil, err
	}
	hash := address.Hash160(private.PubKey().SerializeCompressed())
	to, err := address.NewAddressWitnessPubKeyHash(hash, &chaincfg.RegressionNetParams)
	if err != nil {
		return nil, err
	}
	script, err := txscript.PayToAddrScript(to)
	return &key{to.EncodeAddress(), script, private}, err
}

// Address is one that blocks can pay.
func (a *Account) Address() string { return a.receive[0].address }
