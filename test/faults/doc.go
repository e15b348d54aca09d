// Package faults breaks things on purpose: the operator's own program against a real API server, with a real bitcoind for each pod, while
// API calls fail, watches are cut, RPC is slow, cut, garbage or lies, bitcoinds are killed or frozen, pods are deleted, volumes are full,
// clocks step, machines lose power, operators are killed, frozen, cut off or lose their lease, and the specification changes. There is no
// DNS. scripts/faults.sh runs it. A seed repeats the plan: the kinds of faults, when they begin, how long they last and the numbers of their
// nodes. It does not repeat which calls fail, which operator leads, which nodes have which blocks (a fault that could lose the last copy of
// a block is left out), nor the timing.
//
// In a third of the runs, nodes share pods, which the program supervisor runs.
//
// What the operator calls goes through proxies of the test: one before the API server for each operator (apiProxy), one before each
// bitcoind and each supervisor (rpcProxy). In place of a kubelet, the test runs the container of each pod in a root directory and a
// network namespace of its own (kubelet, container), and groups them to machines (machine). The StatefulSet controller is the real one.
// An observer asks the bitcoinds themselves (observer), and so does the test after the faults.
package faults
