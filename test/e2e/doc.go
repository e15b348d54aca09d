// Package e2e is what the tests of networks and those of Lightning networks have in common, which run in a cluster with the operator in it:
// clients, namespaces, waits, programs in pods, the plugin of a user with few rights.
package e2e
