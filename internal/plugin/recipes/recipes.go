// Package recipes has the lines with which programs beside a network use its nodes. It is pure.
package recipes

import (
	"fmt"
	"net"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/forward"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Ports are those of each node of a network.
func Ports(network *v1.BitcoinNetwork) []forward.Port {
	ports := []forward.Port{{Name: "rpc", Port: v1.RPCPort}, {Name: "p2p", Port: v1.P2PPort}}
	if network.Spec.ZMQ != nil {
		ports = append(ports, forward.Port{Name: "rawblock", Port: v1.ZMQRawBlockPort}, forward.Port{Name: "rawtx", Port: v1.ZMQRawTxPort},
			forward.Port{Name: "hashblock", Port: v1.ZMQHashBlockPort}, forward.Port{Name: "hashtx", Port: v1.ZMQHashTxPort},
			forward.Port{Name: "sequence", Port: v1.ZMQSequencePort})
	}
	return ports
}

// Lines are the lines for a node whose ports have these addresses.
func Lines(network *v1.BitcoinNetwork, addresses map[string]string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if secret := network.Spec.Secret; secret != "" {
		line("# Name and password are in the Secret %s; whoever may read it:", secret)
		for _, key := range []string{"BC_RPC_USER", "BC_RPC_PASSWORD"} {
			line("export %s=$(kubectl get secret %s --namespace %s --output go-template='{{.data.%s|base64decode}}')", key, secret, network.Namespace, key)
		}
	} else {
		line("# The network has no spec.secret, so RPC is rejected from outside the pods; P2P and ZMQ work. kubectl btcnet create --secret names one.")
	}
	host, port, _ := net.SplitHostPort(addresses["rpc"])
	line("# bitcoin-cli")
	line(`bitcoin-cli -regtest -rpcconnect=%s -rpcport=%s -rpcuser="$BC_RPC_USER" -rpcpassword="$BC_RPC_PASSWORD" getblockchaininfo`, host, port)
	line("# LND")
	if network.Spec.ZMQ == nil {
		line("# needs ZMQ: kubectl patch btcnet %s --namespace %s --type=merge --patch '{\"spec\":{\"zmq\":{}}}'", network.Name, network.Namespace)
	} else {
		line(`lnd --bitcoin.regtest --bitcoin.node=bitcoind --bitcoind.rpchost=%s --bitcoind.rpcuser="$BC_RPC_USER" --bitcoind.rpcpass="$BC_RPC_PASSWORD" `+
			`--bitcoind.zmqpubrawblock=tcp://%s --bitcoind.zmqpubrawtx=tcp://%s`, addresses["rpc"], addresses["rawblock"], addresses["rawtx"])
	}
	line("# BDK: the variables of its example for bitcoind's RPC, and the address and Auth::UserPass of bdk_bitcoind_rpc")
	line(`export RPC_URL=http://%s RPC_USER="$BC_RPC_USER" RPC_PASS="$BC_RPC_PASSWORD"`, addresses["rpc"])
	line("# electrs, which takes a password from a file only")
	line(`printf 'auth = "%%s:%%s"\n' "$BC_RPC_USER" "$BC_RPC_PASSWORD" >electrs.toml`)
	line("electrs --conf electrs.toml --network regtest --daemon-rpc-addr %s --daemon-p2p-addr %s --db-dir electrs-db", addresses["rpc"], addresses["p2p"])
	return b.String()
}
