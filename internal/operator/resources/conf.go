package resources

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Paths inside a node's pod.
const (
	configPath = "/bitcoin.conf"
	dataDir    = "/data"
)

// maxConnections does not depend on the size of the network, since another number would restart every node when it is scaled.
// bitcoind keeps 11 of them for outbound connections, and a mesh has at most 500 nodes.
const maxConnections = 640

// nodeArguments are the arguments of bitcoind. They bind RPC to the pod's address, which the environment variable contains: no
// constant fits both IPv4 and IPv6, since bitcoind does not start when it cannot bind one of its addresses. Loopback, for
// bitcoin-cli and port-forward, is in bitcoin.conf.
func nodeArguments(podIPVariable string) []string {
	return []string{"-conf=" + configPath, "-rpcbind=$(" + podIPVariable + ")"}
}

// bitcoinConf is the content of a node's bitcoin.conf.
type bitcoinConf struct {
	// operator is the credential of the operator. bitcoind knows it by its hash and limits it to bitcoind.Methods.
	operator bitcoind.Credential
	// userSecret includes rpcauth.File, which has the rpcauth line of the network's users.
	userSecret bool
	// zmq switches on the publishers; nil for none but those in extra.
	zmq *v1.ZMQ
	// extra options of the spec, which override the defaults.
	extra map[string]string
}

// defaultOptions keep a node small, since 100 nodes share a machine.
//   - maxtipage: a regtest tip is old after a pause, and a node in initial block download ignores transactions.
//   - fallbackfee: a regtest wallet without fee history does not send.
//   - timeout, in milliseconds: a dial occupies one of the few RPC threads until it ends, and nodes of one cluster answer in a few.
//   - maxsigcachesize: bitcoind fills the signature caches, 32 MiB by default, with zeros at the start. This is more than half of
//     the memory and of the start time of a small node.
var defaultOptions = map[string]string{
	"dbcache": "4", "discover": "0", "dnsseed": "0", "fallbackfee": "0.0001", "fixedseeds": "0", "listenonion": "0",
	"maxmempool": "16", "maxsigcachesize": "2", "maxtipage": "3153600000", "natpmp": "0", "par": "1", "rpcthreads": "4", "rpcworkqueue": "64", "timeout": "1000",
}

// render returns the text of bitcoin.conf. Equal input gives equal bytes.
func (c bitcoinConf) render() string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s=%s\n", key, value) }
	// The text is the same for every release: a changed byte restarts the nodes.
	b.WriteString("# Written by bitcoin-controller: change the BitcoinNetwork, not this file.\n")
	line("regtest", "1")
	line("datadir", dataDir)
	line("server", "1")
	line("rest", "1")
	line("printtoconsole", "1")
	line("debuglogfile", "0")
	line("rpcauth", c.operator.RPCAuth())
	line("rpcwhitelist", c.operator.User+":"+strings.Join(c.methods(), ","))
	line("rpcwhitelistdefault", "0")
	if c.userSecret {
		line("includeconf", rpcauth.File)
	}
	// Since 0.17 some options apply to regtest only inside its section, and that section may have every option.
	b.WriteString("\n[regtest]\n")
	line("port", fmt.Sprint(v1.P2PPort))
	line("listen", "1")
	line("maxconnections", fmt.Sprint(maxConnections))
	line("rpcport", fmt.Sprint(v1.RPCPort))
	line("rpcbind", "127.0.0.1")
	line("rpcallowip", "0.0.0.0/0")
	line("rpcallowip", "::/0")
	options := maps.Clone(defaultOptions)
	maps.Copy(options, c.extra)
	maps.Copy(options, zmqOptions(c.zmq))
	for _, key := range slices.Sorted(maps.Keys(options)) {
		line(key, options[key])
	}
	return b.String()
}

// methods are those that the operator calls. Nodes without publishers do not get that call: their bitcoin.conf is that of earlier
// releases.
func (c bitcoinConf) methods() []string {
	if publishersOf(c.zmq, c.extra) == "" {
		return bitcoind.Methods
	}
	return slices.Sorted(slices.Values(append([]string{bitcoind.MethodPublishers}, bitcoind.Methods...)))
}
