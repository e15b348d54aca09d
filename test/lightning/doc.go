// Package lightning tests LightningNetworks with real LND and bitcoind, in the cluster that the kubeconfig names, where the chart is
// installed: it sets lightning.enabled in that release for as long as it runs. The tests ask lncli and bitcoin-cli in the pods, not the
// operator's status. They need the build tag e2e.
package lightning
