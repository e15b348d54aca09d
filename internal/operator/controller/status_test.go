package controller

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A network that is ready is given a moment; one that is not becomes ready by what its nodes say alone.
func TestAMomentOutOfStepIsForgivenToWhatIsReady(t *testing.T) {
	for name, test := range map[string]struct {
		ready  metav1.ConditionStatus
		synced metav1.ConditionStatus
		after  time.Duration
		want   bool
	}{
		"ready, at once":            {metav1.ConditionTrue, metav1.ConditionTrue, 0, true},
		"ready, after a while":      {metav1.ConditionTrue, metav1.ConditionTrue, syncGrace, false},
		"healing from a partition":  {metav1.ConditionFalse, metav1.ConditionTrue, 0, false},
		"out of step before as now": {metav1.ConditionTrue, metav1.ConditionFalse, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := healthy()
			l.now = time.Now()
			l.memory.unsyncedSince = l.now.Add(-test.after)
			l.network.Status.Conditions = []metav1.Condition{
				{Type: v1.ConditionSynced, Status: test.synced}, {Type: v1.ConditionReady, Status: test.ready},
			}
			if got := (&Reconciler{}).grace(l, no(v1.ReasonForked, "two branches")); got.holds != test.want {
				t.Errorf("synced: %v, want %v", got.holds, test.want)
			}
		})
	}
}

// A question about the chains that is left without an answer is a moment too; a node that does not answer at all is not.
func TestAQuestionInVainIsForgivenToWhatIsReady(t *testing.T) {
	for _, answers := range []bool{true, false} {
		l := healthy()
		l.now, l.chain.known = time.Now(), false
		l.network.Status.Conditions = []metav1.Condition{
			{Type: v1.ConditionSynced, Status: metav1.ConditionTrue}, {Type: v1.ConditionReady, Status: metav1.ConditionTrue},
		}
		if !answers {
			l.nodes[1].answer = nil
		}
		if got := (&Reconciler{}).grace(l, judgeChains(l)); got.holds != answers {
			t.Errorf("all nodes answer: %v, synced: %v", answers, got.holds)
		}
	}
}

func TestATipThatNobodyCouldCompareIsNoFork(t *testing.T) {
	l := healthy()
	l.nodes = onChains("a", "b", "aa")
	for i := range l.nodes {
		l.nodes[i].group = l.groups[0]
	}
	l.chain = compareTips(tipsOf(l.nodes), func(tip, tip) (bool, bool) { return false, false })
	status := v1.BitcoinNetworkStatus{ChainTips: 1}
	fillNodes(&status, l)
	if status.ChainTips != 1 || status.Height != 2 {
		t.Errorf("%d tips at height %d", status.ChainTips, status.Height)
	}
	l.chain.known = true
	fillNodes(&status, l)
	if status.ChainTips != 3 {
		t.Errorf("%d tips, and there are three", status.ChainTips)
	}
}
