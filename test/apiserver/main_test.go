package apiserver_test

import (
	"os"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

// running is a network that is ready, with its operator, in a namespace of its own.
func running(t *testing.T, spec v1.BitcoinNetworkSpec) (*apiserver.Network, *apiserver.Operator) {
	t.Helper()
	return runningIn(apiserver.NewNamespace(t), spec)
}

func runningIn(ns *apiserver.Namespace, spec v1.BitcoinNetworkSpec) (*apiserver.Network, *apiserver.Operator) {
	op := ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast})
	net := ns.Create("net", spec)
	net.WaitReady()
	return net, op
}
