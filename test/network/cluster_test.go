//go:build e2e

package network

import (
	"context"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// cluster has the clients, when connectOnce has been called.
var cluster e2e.Clients

// connectOnce connects to the cluster when the first test needs it, so that the package can be listed without one.
var connectOnce = sync.OnceValue(connect)

func needCluster(t *testing.T) {
	t.Helper()
	if err := connectOnce(); err != nil {
		t.Fatalf("this test needs a cluster with the operator in it: set KUBECONFIG, or run scripts/test.sh (%v)", err)
	}
}

func connect() error {
	clients, err := e2e.Connect()
	if err != nil {
		return err
	}
	cluster = *clients
	_, err = cluster.Networks.BitcoincontrollerV1().BitcoinNetworks("").List(context.Background(), metav1.ListOptions{Limit: 1})
	return err
}
