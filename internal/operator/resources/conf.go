package resources

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Paths inside a node's pod.
const (
	configPath = "/bitcoin.conf"
	dataDir    = "/data"
	// homeDir is HOME in a node's container. bitcoin-cli without arguments reads the configuration in .bitcoin there, whatever the
	// image. Images may have a volume in the home directory of their own user.
	homeDir        = "/run/bitcoin-cli"
	homeConfigPath = homeDir + "/.bitcoin/" + configKey
)

// maxConnections does not depend on the size of the network, since another number would restart every node when it is scaled.
// bitcoind keeps 11 of them for outbound connections, and a mesh has at most 500 nodes.
const maxConnections = 640

// nodeArguments are the arguments of bitcoind. They bind RPC to the pod's address, which the environment variable contains: no
// constant fits both IPv4 and IPv6, since bitcoind does not start when it cannot bind one of its addresses. Loopback, for
// bitcoin-cli and port-forward, is in bitcoin.conf. For a pod with several nodes bitcoin.conf has all of it.
func nodeArguments(podIPVariable string) []string {
	return []string{"-conf=" + configPath, "-rpcbind=$(" + podIPVariable + ")"}
}

// bitcoinConf is the content of a node's bitcoin.conf.
type bitcoinConf struct {
	// operator is the credential of the operator. bitcoind knows it by its hash and limits it to bitcoind.Methods.
	operator bitcoind.Credential
	// lightning is the credential of LND, limited to bitcoind.LightningMethods; without a user where the operator runs no LightningNetworks.
	lightning bitcoind.Credential
	// userSecret includes rpcauth.File, which has the rpcauth line of the network's users.
	userSecret bool
	// zmq switches on the publishers; nil for none but those in extra.
	zmq *v1.ZMQ
	// packed is true for a pod with several nodes. Its supervisor gives each of them this text with data directory, ports and addresses
	// of its own.
	packed bool
	// volume is true when the data is in a volume, which outlives the pod and its machine.
	volume bool
	// earlier is true for the text of earlier releases.
	earlier bool
	// extra options of the spec with their values, which override the defaults.
	extra map[string][]string
}

// defaultOptions keep a node small, since 100 nodes share a machine, and suit a test network. Releases that do not know one of them
// only log a warning.
//   - addresstype: Knots gives a wallet legacy addresses unless this is set, Core gives it these.
//   - checkblockindex, checkmempool: on regtest, bitcoind checks all its blocks after each block and all transactions of its mempool after
//     each transaction. With 10,000 of them that takes most of its time: a full mempool takes minutes instead of seconds.
//   - fallbackfee: a regtest wallet without fee history does not send.
//   - fastprune: block files grow with the chain instead of beginning with 16 MiB.
//   - keypool: a new wallet derives this many keys of each type, which takes a second for the 1000 of bitcoind.
//   - maxsigcachesize: bitcoind fills the signature caches, 32 MiB by default, with zeros at the start. This is more than half of
//     the memory and of the start time of a small node.
//   - maxtipage: a regtest tip is old after a pause, and a node in initial block download ignores transactions.
//   - rpcthreads: a client that waits for a block occupies one; 16 cost no memory while they are idle.
//   - softwareexpiry: Knots does not start any more after the end date of its release.
//   - timeout, in milliseconds: a dial occupies an RPC thread until it ends, and nodes of one cluster answer in a few.
var defaultOptions = map[string]string{
	"addresstype": "bech32", "checkblockindex": "0", "checkmempool": "0", "dbcache": "4", "discover": "0", "dnsseed": "0",
	"fallbackfee": "0.0001", "fastprune": "1", "fixedseeds": "0", "keypool": "100", "listenonion": "0", "maxmempool": "16",
	"maxsigcachesize": "0", "maxtipage": "3153600000", "natpmp": "0", "par": "1", "rpcthreads": "16", "rpcworkqueue": "64",
	"softwareexpiry": "0", "timeout": "1000",
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
	if c.earlier {
		line("debuglogfile", "0")
	} else {
		line("nodebuglogfile", "1") // debuglogfile=0 is a file with the name 0
	}
	line("rpcauth", c.operator.RPCAuth())
	line("rpcwhitelist", c.operator.User+":"+strings.Join(c.methods(), ","))
	if c.lightning.User != "" {
		line("rpcauth", c.lightning.RPCAuth())
		line("rpcwhitelist", c.lightning.User+":"+strings.Join(bitcoind.LightningMethods, ","))
	}
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
	if c.packed {
		line("rpcbind", api.PodIP)
		// Without addresses bitcoind binds all of them, and one more port for Tor, which is one port for all nodes before v28.1.
		line("bind", "127.0.0.1")
		line("bind", api.PodIPs)
	}
	line("rpcallowip", "0.0.0.0/0")
	line("rpcallowip", "::/0")
	options := c.defaults()
	maps.Copy(options, c.extra)
	maps.Copy(options, zmqOptions(c.zmq, c.packed))
	for _, key := range slices.Sorted(maps.Keys(options)) {
		for _, value := range options[key] {
			line(key, value)
		}
	}
	return b.String()
}

// unsafeWallets does not wait for the disk at each change of a wallet, four times for each: a transaction of a wallet has three, so that the
// 101 rewards with which a faucet begins are a thousand waits, during which other pods of the machine wait too. What bitcoind has written
// outlives its end, also by a kill, and is lost only when the machine itself fails. A pod without a volume does not outlive that for long.
const unsafeWallets = "unsafesqlitesync"

// defaults are the options that extra overrides.
func (c bitcoinConf) defaults() map[string][]string {
	defaults := defaultOptions
	if c.earlier {
		defaults = earlierOptions
	}
	options := make(map[string][]string, len(defaults)+len(c.extra)+1)
	for key, value := range defaults {
		options[key] = []string{value}
	}
	if !c.earlier && !c.volume {
		options[unsafeWallets] = []string{"1"}
	}
	return options
}

// methods are those that the operator calls. Nodes without publishers do not get that call.
func (c bitcoinConf) methods() []string {
	switch {
	case c.earlier:
		return earlierMethods
	case publishersOf(c.zmq, c.extra) == "":
		return bitcoind.Methods
	}
	return slices.Sorted(slices.Values(append([]string{bitcoind.MethodPublishers}, bitcoind.Methods...)))
}
