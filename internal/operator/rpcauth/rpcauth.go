// Package rpcauth has what the operator and the program cmd/rpcauth agree on: the rpcauth option of bitcoin.conf, by which
// bitcoind knows a password only as a salted hash, and the names of files and variables. It imports the standard library only,
// because every node starts the program.
package rpcauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

const (
	// UserKey and PasswordKey are the keys of the users' Secret, and the environment variables with their values.
	UserKey     = "BC_RPC_USER"
	PasswordKey = "BC_RPC_PASSWORD"
	// OperatorUser is the operator's RPC user on every node. No other user can have this name.
	OperatorUser = "bitcoin-controller"
	// LightningUser is the RPC user of LND on every node of an operator that runs LightningNetworks. No other user can have this name.
	LightningUser = "bitcoin-controller-lightning"
	// Dir contains File, which bitcoin.conf includes.
	Dir  = "/run/bitcoin"
	File = Dir + "/user.conf"
)

// Value returns the value of the rpcauth option for a user and a password: <user>:<salt>$<hash>. The hash is the HMAC-SHA256 of
// the password with the text of the salt as key, as in bitcoin's share/rpcauth/rpcauth.py.
func Value(user, password, salt string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(password))
	return user + ":" + salt + "$" + hex.EncodeToString(mac.Sum(nil))
}
