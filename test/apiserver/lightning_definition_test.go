package apiserver_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// The definition is installed after the operator has started, and deleted under a running operator: BitcoinNetworks are reconciled all the time.
func TestAnOperatorWithoutTheDefinitionOfLightningNetworksWaitsForIt(t *testing.T) {
	t.Parallel()
	e := apiserver.StartApart(t)
	ns := e.NewNamespace(t)
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	net.WaitReady()
	testtools.Eventually(t, "the log has why LightningNetworks are not reconciled", apiserver.Limit, func() error {
		if log := op.Log(); !strings.Contains(log, "LightningNetworks are not reconciled") || !strings.Contains(log, `no matches for kind \"LightningNetwork\"`) {
			return errors.New("it has not")
		}
		return nil
	})
	e.InstallLightning(t)
	ns.CreateLightning("ln", twoChannels).WaitReady()
	e.RemoveLightning(t)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 2 })
	net.WaitReady()
	if err := op.Stop(); err != nil {
		t.Fatal(err)
	}
	op = ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Lightning: true})
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 1 })
	net.WaitReady()
	e.InstallLightning(t)
	ns.CreateLightning("again", twoChannels).WaitReady()
	// The definition comes back without a restart of the operator.
	e.RemoveLightning(t)
	e.InstallLightning(t)
	ns.CreateLightning("last", twoChannels).WaitReady()
	if err := op.Stop(); err != nil {
		t.Error(err)
	}
}
