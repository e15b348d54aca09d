//go:build e2e

package network

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestANodeThatAnswersGarbageIsNamedAndHoldsUpNobody(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, 4)
	n := network("lied-to", 3)
	n.Spec.Groups = []v1.Group{{Name: "liar", Nodes: 1, Image: builtImage(env, "..", "./network/liar/bitcoind")}}
	env.create(n)
	env.eventually("the honest nodes to be connected, and the liar to be named", readyTimeout, func() error {
		status := env.get("lied-to").Status
		ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "lied-to-liar-sts-0") {
			return fmt.Errorf("the condition is %+v", ready)
		}
		connected, err := env.connections("lied-to", 3, firstOf(3)...)
		if err != nil {
			return err
		}
		for i := range 3 {
			for _, other := range others(3)(i) {
				if !slices.Contains(connected[i], env.node("lied-to", other)) {
					return fmt.Errorf("node %d is connected with %v, not with node %d", i, connected[i], other)
				}
			}
		}
		return nil
	})
	// An honest image in its place, and all is well without anybody's help.
	env.change("lied-to", func(s *v1.BitcoinNetworkSpec) { s.Groups[0].Image = "" })
	status := env.ready("lied-to", readyTimeout).Status
	if status.ReadyNodes != 4 || status.Connections != 6 {
		t.Errorf("Ready with %d nodes and %s connections", status.ReadyNodes, status.Connected)
	}
}
