package resources

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// ownedOptions are those that spec.config cannot set: the definition of the resource rejects them, with others that would break a node.
// The address of bitcoind and the credential are missing, since the operator hands them over to the agent.
//   - caches.rpc-graph-cache-duration: the agent must learn what the graph has now, and not a minute ago. The answer that LND keeps may also
//     be one to a user, without the private channels.
//   - externalhosts: the node announces the address of its Service. The short name of the Service is that of the pod too, which the pod
//     takes for its own address.
//   - logging.file.disable: the log is that of the container.
//   - nobootstrap: no node of a regtest network is found by DNS.
//   - tlsdisableautofill: the certificate does not have the address of the pod, so that a restarted pod keeps it.
func ownedOptions(network *v1.LightningNetwork) map[string][]string {
	name := ObjectName(network.Name) + "-" + api.Ordinal
	inNamespace := name + "." + network.Namespace
	return map[string][]string{
		"alias": {aliasPrefix(network) + api.Ordinal}, "bitcoin.node": {"bitcoind"}, "bitcoin.regtest": {"true"},
		"caches.rpc-graph-cache-duration": {"0"},
		"externalhosts":                   {inNamespace + ".svc"}, "listen": {fmt.Sprintf(":%d", v1.LightningP2PPort)}, "lnddir": {api.DataDir},
		"logging.file.disable": {"true"}, "nobootstrap": {"true"}, "noseedbackup": {"true"}, "restlisten": {address(v1.LightningRESTPort)},
		"rpclisten": {address(v1.LightningGRPCPort)}, "tlsautorefresh": {"true"}, "tlsdisableautofill": {"true"},
		"tlsextradomain": {name, inNamespace, inNamespace + ".svc"},
	}
}

// defaultOptions suit a test network, where nobody waits for an hour.
//   - accept-keysend: payments without an invoice, for generated traffic.
//   - bitcoin.defaultchanconfs, bitcoin.defaultremotedelay: blocks until a channel can be used, and until the coins of one that was closed
//     by force can be spent, in place of up to 6 and 2016.
//   - chan-enable-timeout: a node that was away for 20 minutes announces its channels again after this time, in place of 19 minutes.
//   - connectiontimeout, maxbackoff: nodes of one cluster answer in milliseconds, and a restarted one is dialled within seconds, in place of
//     up to an hour.
//   - db.batch-commit-interval, gossip.sub-batch-delay, trickledelay: a node reports a new channel to its peers within a third of a second, in
//     place of 90 seconds. Each hop of a network takes that time.
//   - historicalsyncinterval: what a node has missed it requests from a peer after a minute, in place of an hour.
//   - maxpendingchannels: one for each peer, unless this is set, so that several channels between two nodes could not be opened at once.
//   - numgraphsyncpeers: a node learns from all peers, in place of three: the others need not know it sooner, or at all.
//   - protocol.wumbo-channels: channels of more than 16,777,215 satoshis.
var defaultOptions = map[string]string{
	"accept-keysend": "true", "bitcoin.defaultchanconfs": "1", "bitcoin.defaultremotedelay": "10", "chan-enable-timeout": "10s",
	"connectiontimeout": "10s", "db.batch-commit-interval": "50ms", "debuglevel": "info", "gossip.sub-batch-delay": "100ms",
	"historicalsyncinterval": "1m", "maxbackoff": "10s", "maxpendingchannels": "100", "numgraphsyncpeers": "100",
	"protocol.wumbo-channels": "true", "trickledelay": "200",
}

// address of an API is all IPv4 ones of the pod, with loopback. Without the zeros LND listens at IPv6 addresses only, and one of these in
// addition would keep LND from starting where there are none. The port for peers has all. Users of the API need a macaroon.
func address(port int32) string { return fmt.Sprintf("0.0.0.0:%d", port) }

// render returns the text of lnd.conf, which is the same for all nodes. Equal input gives equal bytes. It has no sections: LND finds an
// option by its name, and the section of an option of the spec is unknown.
func render(network *v1.LightningNetwork) string {
	var b strings.Builder
	// The text is the same for every release: a changed byte restarts the nodes.
	b.WriteString("# Written by bitcoin-controller: change the LightningNetwork, not this file.\n")
	owned := ownedOptions(network)
	for _, key := range slices.Sorted(maps.Keys(owned)) {
		for _, value := range owned[key] {
			fmt.Fprintf(&b, "%s=%s\n", key, value)
		}
	}
	b.WriteString("\n")
	options := maps.Clone(defaultOptions)
	for key, value := range network.Spec.Config {
		// The definition rejects these. An object from before it did must not take the node away from the operator.
		if _, isOwned := owned[key]; !isOwned {
			options[key] = string(value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		fmt.Fprintf(&b, "%s=%s\n", key, options[key])
	}
	return b.String()
}
