// Package apiserver is a harness for tests of the operator against a real API server, without nodes: kube-apiserver, etcd, and of
// kube-controller-manager the controller of StatefulSets and the garbage collectors. The operator runs in the process of the test. A
// simulated machine stands in for the scheduler and the kubelet, and a simulated bitcoind runs for each pod (package bitcoindtest).
//
//	func TestAScaledNetworkIsConnected(t *testing.T) {
//		ns := apiserver.NewNamespace(t)
//		ns.StartOperator(apiserver.OperatorOptions{})
//		net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2})
//		net.WaitReady()
//		net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 3 })
//		net.WaitReady()
//	}
//
// All tests of a package share one API server, and each has a namespace and an operator of its own, so that they can run in parallel.
// TestMain of the package calls Main, which stops the API server.
//
// What a test can do:
//
//   - Namespace.Report makes pods unschedulable, wait or fail, as the kubelet would report it: see Unschedulable, Waiting, Ago.
//   - Network.Node returns the simulated bitcoind of a node, which can fail, hang, mine, and lose its chain.
//   - Operator.API records the operator's requests to the API server, and lets some of them fail or take their time.
//   - Namespace.StartProgram runs the command line of bitcoin-controller in a process of its own, in place of StartOperator.
//   - Namespace.Mutate and Namespace.Validate register an admission webhook for the namespace.
//   - OperatorOptions.Now is the operator's clock; Operator.Stop and StartOperator are a restart.
//
// Without the programs the tests are skipped, or fail with REQUIRE_TOOLS=1; see findPrograms.
package apiserver
