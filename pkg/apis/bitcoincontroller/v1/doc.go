// Package v1 is the API of bitcoin-controller: the resources BitcoinNetwork and LightningNetwork in group
// bitcoincontroller.christianb93.github.com.
//
// +kubebuilder:object:generate=true
// +groupName=bitcoincontroller.christianb93.github.com
package v1
