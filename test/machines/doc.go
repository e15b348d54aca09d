// Package machines tests the operator on several cluster nodes: nodes of a network that are spread over them, a cluster node that is
// drained, one that fails and returns, also that of the leading operator, and one that is gone for good. It has a kind cluster of its
// own, of three cluster nodes. The tests have the build tag e2e.
package machines
