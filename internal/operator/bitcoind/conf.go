package bitcoind

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

// Where things are inside a pod.
const (
	ConfigPath = "/bitcoin.conf"
	DataDir    = "/data"
)

// maxConnections is the same for every size of a network, since another number would restart every node when it is
// scaled. Room for inbound connections is this less 11; a mesh has at most 500 nodes.
const maxConnections = 640

// Arguments are bitcoind's, where an environment variable of this name holds the pod's address: no constant fits IPv4 and
// IPv6, since bitcoind does not start when it cannot bind one of the addresses it is given. Loopback, for bitcoin-cli and
// port-forward, stands in bitcoin.conf.
func Arguments(podIPVariable string) []string {
	return []string{"-conf=" + ConfigPath, "-rpcbind=$(" + podIPVariable + ")"}
}

// Config is what a node's bitcoin.conf is made from.
type Config struct {
	// Operator is let in by its hash, limited to Methods.
	Operator Credential
	// UserConfig says whether rpcauth.File will be there, with the rpcauth of the people who use the network.
	UserConfig bool
	// Extra options, which come last and win over the defaults of a small node.
	Extra map[string]string
}

// defaults are small numbers for a node that has 100 others beside it on the same machine.
// maxtipage: a regtest tip is old after a pause, and a node that thinks it is still in initial block download ignores
// transactions. fallbackfee: without fee history a regtest wallet refuses to send. timeout, in milliseconds: a dial keeps
// one of the few RPC threads busy until it is given up, and nodes of one cluster answer in a few. maxsigcachesize: the
// caches of checked signatures, 32 MiB by default, are filled with zeros at the start, which is more than half of a small
// node's memory and of the time that it takes to start.
var defaults = map[string]string{
	"dbcache": "4", "discover": "0", "dnsseed": "0", "fallbackfee": "0.0001", "fixedseeds": "0", "listenonion": "0",
	"maxmempool": "16", "maxsigcachesize": "2", "maxtipage": "3153600000", "natpmp": "0", "par": "1", "rpcthreads": "4", "rpcworkqueue": "64", "timeout": "1000",
}

// Render writes bitcoin.conf. Equal input gives equal bytes.
func (c Config) Render() string {
	var b strings.Builder
	line := func(key, value string) { fmt.Fprintf(&b, "%s=%s\n", key, value) }
	b.WriteString("# Written by bitcoin-controller: change the BitcoinNetwork, not this file.\n")
	line("regtest", "1")
	line("datadir", DataDir)
	line("server", "1")
	line("rest", "1")
	line("printtoconsole", "1")
	line("debuglogfile", "0")
	line("rpcauth", c.Operator.RPCAuth())
	line("rpcwhitelist", c.Operator.User+":"+strings.Join(Methods, ","))
	line("rpcwhitelistdefault", "0")
	if c.UserConfig {
		line("includeconf", rpcauth.File)
	}
	// Since 0.17 some options count for regtest only when they stand in its section, and all may.
	b.WriteString("\n[regtest]\n")
	line("port", fmt.Sprint(P2PPort))
	line("listen", "1")
	line("maxconnections", fmt.Sprint(maxConnections))
	line("rpcport", fmt.Sprint(RPCPort))
	line("rpcbind", "127.0.0.1")
	line("rpcallowip", "0.0.0.0/0")
	line("rpcallowip", "::/0")
	options := maps.Clone(defaults)
	maps.Copy(options, c.Extra)
	for _, key := range slices.Sorted(maps.Keys(options)) {
		line(key, options[key])
	}
	return b.String()
}
