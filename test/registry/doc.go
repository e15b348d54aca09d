// Package registry tests what is published to a registry with the programs that others use: oras and cosign, and what
// is released beside the chart with krew. It builds them from the Go module proxy. That takes minutes the first time, so the tests have the tag e2e.
package registry
