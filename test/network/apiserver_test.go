//go:build e2e

package network

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The operator loses its watches, its election and its writes for some seconds. Not parallel, since other tests need the API server.
func TestANetworkSurvivesARestartOfTheAPIServer(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnvAlone(t)
	n := network("survivor", 3)
	n.Spec.Mining = miningEvery(time.Second)
	env.create(n)
	env.ready("survivor", readyTimeout)
	template := env.revision("survivor-sts")
	pods := env.addresses("survivor", 3)
	const kill = `for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" != kube-apiserver ] || { kill -9 ${p#/proc/} && exit 0; }; done; exit 1`
	if err := env.onClusterNode(t.Context(), kill); err != nil {
		t.Fatal(err)
	}
	networks := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace)
	env.eventually("the API server to accept a change", 2*time.Minute, func() error {
		n, err := networks.Get(t.Context(), "survivor", metav1.GetOptions{})
		if err != nil {
			return err
		}
		n.Spec.Topology = &v1.Topology{Type: v1.TopologyLine}
		_, err = networks.Update(t.Context(), n, metav1.UpdateOptions{})
		return err
	})
	env.eventually("the change to be done, and blocks of after it", 3*time.Minute, func() error {
		n, err := networks.Get(t.Context(), "survivor", metav1.GetOptions{})
		if err != nil {
			return err
		}
		ready := meta.FindStatusCondition(n.Status.Conditions, v1.ConditionReady)
		if ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != n.Generation || time.Since(n.Status.LastBlockTime.Time) > 10*time.Second {
			return fmt.Errorf("%s: %s, last block at %s", ready.Reason, ready.Message, n.Status.LastBlockTime)
		}
		return nil
	})
	env.exactly("survivor", 3, line(3))
	if now := env.addresses("survivor", 3); strings.Join(now, " ") != strings.Join(pods, " ") || env.revision("survivor-sts") != template {
		t.Errorf("the pods were at %v and are at %v, revision %s and %s", pods, now, template, env.revision("survivor-sts"))
	}
}
