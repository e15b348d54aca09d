package api_test

import (
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
)

func TestAHostIsANameOrAnAddress(t *testing.T) {
	for host, valid := range lightningtest.Hosts {
		if got := api.IsHost(host); got != valid {
			t.Errorf("%q: %v", host, got)
		}
	}
}
