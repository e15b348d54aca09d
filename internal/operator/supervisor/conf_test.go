package supervisor

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

const podConf = `# datadir=/nowhere
regtest=1
datadir=/data
includeconf=/run/bitcoin/user.conf

[regtest]
port=18444
bind=127.0.0.1
bind=$(POD_IPS)
rpcport=18332
rpcbind=127.0.0.1
rpcbind=$(POD_IP)
uacomment=a=b
walletdir= /data/wallets 
blocknotify=/database/x
zmqpubrawblock=tcp://127.0.0.1:28332
zmqpubrawblock=tcp://$(POD_IP):28332
zmqpubhashtx=tcp://[::]:29000
zmqpubrawblockhwm=1000
`

func TestEachNodeHasItsOwnConfiguration(t *testing.T) {
	replace := func(pairs ...string) string {
		return strings.NewReplacer(append(pairs, "\ndatadir=/data", "\ndatadir=/data/nodes/3", "= /data/wallets ", "=/data/nodes/3/wallets", ":29000", ":29030",
			"18444", "18474", "18332", "18362", ":28332", ":28362")...).Replace(podConf)
	}
	for name, test := range map[string]struct {
		addresses []string
		want      string
	}{
		"IPv4":       {[]string{"10.0.0.7"}, replace("$(POD_IP)", "10.0.0.7", "$(POD_IPS)", "10.0.0.7")},
		"IPv6":       {[]string{"fd00::7"}, replace("$(POD_IP)", "fd00::7", "$(POD_IPS)", "fd00::7")},
		"dual stack": {[]string{"fd00::7", "10.0.0.7"}, replace("$(POD_IP)", "fd00::7", "bind=$(POD_IPS)", "bind=fd00::7\nbind=10.0.0.7")},
	} {
		got, err := confOf(podConf, place{slot: 3, portStep: 10, addresses: test.addresses})
		if err != nil || got.text != test.want || got.dataDir != "/data/nodes/3" || got.rpcPort != 18362 {
			t.Errorf("%s: %v, %s, %d\n%s\nwant\n%s", name, err, got.dataDir, got.rpcPort, got.text, test.want)
		}
	}
}

func TestAConfigurationWithoutItsPartsIsRejected(t *testing.T) {
	for name, text := range map[string]string{
		"no data directory": strings.Replace(podConf, "\ndatadir=", "\ndatadirectory=", 1),
		"no RPC port":       strings.Replace(podConf, "rpcport=", "rpcports=", 1),
		"a port of letters": strings.Replace(podConf, "port=18444", "port=p2p", 1),
		"no ZMQ port":       strings.Replace(podConf, ":29000", "", 1),
	} {
		if got, err := confOf(text, place{portStep: 10, addresses: []string{"10.0.0.7"}}); err == nil {
			t.Errorf("%s: %s", name, got.text)
		}
	}
}

func TestTheCredentialIsTheOperators(t *testing.T) {
	operators := rpcauth.Value(rpcauth.OperatorUser, "word", "salt")
	text := "rpcauth=" + rpcauth.Value("alice", "word", "other") + "\nrpcauth=" + operators + "\n"
	want, err := podhttp.ParseCredential(operators)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := credentialIn(text); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := credentialIn("rpcauth=" + rpcauth.Value("alice", "word", "salt") + "\nrpcauth=" + rpcauth.OperatorUser + "\n"); err == nil {
		t.Error("a credential was found")
	}
}
