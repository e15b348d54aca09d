// Package network tests the operator with real nodes, in the cluster that the kubeconfig names, where the chart is installed. The
// tests ask bitcoin-cli in the pods, not the operator's status. They need the build tag e2e.
package network
