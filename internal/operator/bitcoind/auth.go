package bitcoind

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

// Credential is a user name and a password.
type Credential struct {
	User, Password string
	// Salt is the salt of the rpcauth hash.
	Salt string
}

// DeriveCredential derives the operator's credential for a network from the master key. The same key and network always give the
// same credential, so that a restart of the operator changes nothing.
func DeriveCredential(masterKey []byte, network string) Credential {
	return Credential{
		User:     rpcauth.OperatorUser,
		Password: derive(masterKey, "password", network),
		Salt:     derive(masterKey, "salt", network)[:32],
	}
}

// DeriveLightningCredential derives the credential with which the LND nodes of LightningNetworks call the nodes of a network.
func DeriveLightningCredential(masterKey []byte, network string) Credential {
	return Credential{
		User:     rpcauth.LightningUser,
		Password: derive(masterKey, "lightning password", network),
		Salt:     derive(masterKey, "lightning salt", network)[:32],
	}
}

func derive(key []byte, purpose, network string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\x00" + network))
	return hex.EncodeToString(mac.Sum(nil))
}

// RPCAuth returns the value of the rpcauth option for the credential.
func (c Credential) RPCAuth() string { return rpcauth.Value(c.User, c.Password, c.Salt) }
