package chart_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/rejections"
)

func TestSpecsOfLightningNetworksAreChecked(t *testing.T) {
	checkSpecsOf(t, lightningNetworks, rejections.Lightning)
	check := specCheckerOf(t, lightningNetworks)
	for _, spec := range rejections.LightningAccepted {
		if got := check(spec); got != "" {
			t.Errorf("%s: %s", spec, got)
		}
	}
}

func TestTheHostsOfALightningNetworkAreNamesAndAddresses(t *testing.T) {
	check := specCheckerOf(t, lightningNetworks)
	for host, valid := range lightningtest.Hosts {
		got := check(fmt.Sprintf("{bitcoinNetwork: a, nodes: 1, expose: {type: NodePort, hosts: [%q]}}", host))
		if valid != (got == "") || !valid && !strings.Contains(got, "a host in expose.hosts") && !strings.Contains(got, "may not be more than 253 bytes") {
			t.Errorf("%q: %s", host, got)
		}
	}
}

// Whatever the operator writes to lnd.conf itself is rejected in spec.config, by its name, and what it leaves to the user is not.
func TestOptionsOfLNDThatTheOperatorOwnsAreRejected(t *testing.T) {
	check := specCheckerOf(t, lightningNetworks)
	network := &v1.LightningNetwork{Spec: v1.LightningNetworkSpec{Nodes: 1}}
	network.Name = "tried"
	settings := lightning.Settings{Credential: func(*v1.LightningNetwork) bitcoind.Credential { return bitcoind.Credential{} }}
	objects := lightning.Build(network, nil, settings)
	i := slices.IndexFunc(objects, func(o client.Object) bool { _, ok := o.(*corev1.ConfigMap); return ok })
	owned, defaults, _ := strings.Cut(objects[i].(*corev1.ConfigMap).Data[api.ConfigKey], "\n\n")
	names := func(text string) (list []string) {
		for line := range strings.Lines(text) {
			if name, _, ok := strings.Cut(line, "="); ok && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		return list
	}
	// What the agent adds, and what would do harm.
	others := []string{
		"bitcoind.rpchost", "bitcoind.rpcpass", "bitcoind.rpcuser", "bitcoind.zmqpubrawblock", "bitcoind.zmqpubrawtx", "bitcoind.rpcpolling",
		"bitcoin.mainnet", "bitcoin.signet", "btcd.rpchost", "neutrino.addpeer", "no-macaroons", "adminmacaroonpath", "tlscertpath",
		"tlsextradomain", "db.postgres.dsn", "db.backend", "configfile", "datadir", "logdir", "externalip", "nat", "tor.active",
		"wallet-unlock-password-file", "logging.console.disable",
	}
	for _, name := range append(names(owned), others...) {
		got := check("{bitcoinNetwork: a, nodes: 1, config: {" + name + `: "x"}}`)
		if !strings.Contains(got, "config may not set "+name+", because") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, name := range append(names(defaults), "bitcoin.feerate", "color", "routerrpc.minrtprob", "rejecthtlc", "protocol.zero-conf", "db.batch-commit-interval", "bitcoind.estimatemode") {
		if got := check("{bitcoinNetwork: a, nodes: 1, config: {" + name + `: "x"}}`); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if len(names(owned)) < 10 || len(names(defaults)) < 5 {
		t.Errorf("options %v and %v", names(owned), names(defaults))
	}
}
