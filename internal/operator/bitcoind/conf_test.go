package bitcoind

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

var update = flag.Bool("update", false, "write the golden files")

func TestEachNetworkHasACredentialOfItsOwnThatARestartDoesNotChange(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	one, same, other := DeriveCredential(key, "uid-1"), DeriveCredential(key, "uid-1"), DeriveCredential(key, "uid-2")
	rotated := DeriveCredential([]byte("another key another key another "), "uid-1")
	if one != same {
		t.Error("the same key and network gave two credentials")
	}
	if one.Password == other.Password || one.Salt == other.Salt || one.Password == rotated.Password {
		t.Error("two networks, or two keys, share a password or a salt")
	}
	if strings.Contains(one.RPCAuth(), one.Password) {
		t.Error("the hash shows the password")
	}
}

func TestBitcoinConf(t *testing.T) {
	operator := Credential{User: rpcauth.OperatorUser, Password: "p", Salt: "00112233445566778899aabbccddeeff"}
	for name, config := range map[string]Config{
		"plain":  {Operator: operator},
		"secret": {Operator: operator, UserConfig: true},
		"extra":  {Operator: operator, Extra: map[string]string{"txindex": "1", "dbcache": "50", "zmqpubrawblock": "tcp://0.0.0.0:28332"}},
	} {
		t.Run(name, func(t *testing.T) {
			golden := "testdata/" + name + ".conf"
			got := config.Render()
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s\n(go test ./internal/operator/bitcoind -update writes it anew)", got, want)
			}
		})
	}
}
