package bitcoind

import (
	"strings"
	"testing"
)

func TestEachNetworkHasItsOwnCredentialThatARestartKeeps(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	one, same, other := DeriveCredential(key, "uid-1"), DeriveCredential(key, "uid-1"), DeriveCredential(key, "uid-2")
	rotated := DeriveCredential([]byte("another key another key another "), "uid-1")
	if one != same {
		t.Error("the same key and network gave two credentials")
	}
	if one.Password == other.Password || one.Salt == other.Salt || one.Password == rotated.Password {
		t.Error("two networks, or two keys, share a password or a salt")
	}
	lightning := DeriveLightningCredential(key, "uid-1")
	if lightning != DeriveLightningCredential(key, "uid-1") || lightning.User == one.User || lightning.Password == one.Password || lightning.Salt == one.Salt {
		t.Error("LND and the operator share a user, a password or a salt, or LND has two credentials")
	}
	if strings.Contains(one.RPCAuth(), one.Password) {
		t.Error("the hash shows the password")
	}
}
