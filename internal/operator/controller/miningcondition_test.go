package controller

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The nodes may mine or not while the API server does not answer.
func TestAPassThatFailsKeepsTheConditionMining(t *testing.T) {
	mining := metav1.Condition{Type: v1.ConditionMining, Status: metav1.ConditionFalse, Reason: v1.ReasonTimeTooNew, Message: "until noon"}
	for name, test := range map[string]struct {
		spec     *v1.Mining
		previous []metav1.Condition
		want     string
	}{
		"with a report":         {&v1.Mining{}, []metav1.Condition{mining}, v1.ReasonTimeTooNew},
		"in its first pass":     {&v1.Mining{}, nil, v1.ReasonWaiting},
		"when mining has ended": {nil, []metav1.Condition{mining}, ""},
	} {
		network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1, Mining: test.spec})
		network.Status.Conditions = test.previous
		status := failedStatus(network, errors.New("no answer"))
		got := ""
		if c := meta.FindStatusCondition(status.Conditions, v1.ConditionMining); c != nil {
			got = c.Reason
		}
		if got != test.want {
			t.Errorf("%s: the reason is %q, want %q", name, got, test.want)
		}
	}
}
