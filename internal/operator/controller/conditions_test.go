package controller

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func previousConditions(synced, ready metav1.ConditionStatus) []metav1.Condition {
	return []metav1.Condition{{Type: v1.ConditionSynced, Status: synced}, {Type: v1.ConditionReady, Status: ready}}
}

func TestSyncedHasAGracePeriodInAReadyNetworkOnly(t *testing.T) {
	for name, test := range map[string]struct {
		ready  metav1.ConditionStatus
		synced metav1.ConditionStatus
		after  time.Duration
		want   bool
	}{
		"ready, at once":                 {metav1.ConditionTrue, metav1.ConditionTrue, 0, true},
		"ready, after the grace period":  {metav1.ConditionTrue, metav1.ConditionTrue, syncGracePeriod, false},
		"not ready, after a partition":   {metav1.ConditionFalse, metav1.ConditionTrue, 0, false},
		"not synced in the last pass":    {metav1.ConditionTrue, metav1.ConditionFalse, 0, false},
		"ready, near the period's end":   {metav1.ConditionTrue, metav1.ConditionTrue, syncGracePeriod - time.Millisecond, true},
		"ready, long after it was ready": {metav1.ConditionTrue, metav1.ConditionTrue, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, in := healthy()
			now := time.Now()
			forked := condition.False(v1.ReasonForked, "two branches")
			got, since, recheck := graceSynced(forked, in, previousConditions(test.synced, test.ready), now.Add(-test.after), now)
			if got.Met != test.want || (recheck > 0) != test.want || recheck > syncGracePeriod-test.after && test.want {
				t.Errorf("synced: %v, want %v; evaluated again in %s", got.Met, test.want, recheck)
			}
			if !since.Equal(now.Add(-test.after)) {
				t.Errorf("the grace period begins again, at %s", since)
			}
		})
	}
}

// Chains that could not be compared have a grace period; a node that does not answer at all has none.
func TestIncompleteComparisonHasAGracePeriod(t *testing.T) {
	for _, answers := range []bool{true, false} {
		_, in := healthy()
		in.chains.complete = false
		if !answers {
			in.nodes[1].answer = nil
		}
		got, since, _ := graceSynced(syncedPolicies.Evaluate(in), in, previousConditions(metav1.ConditionTrue, metav1.ConditionTrue), time.Time{}, time.Now())
		if got.Met != answers || since.IsZero() == answers {
			t.Errorf("all nodes answer: %v, synced: %v, since %s", answers, got.Met, since)
		}
	}
}

func TestConditionsAreInAFixedOrder(t *testing.T) {
	_, in := healthy()
	// As the API server's default has them.
	conditions := []metav1.Condition{{Type: v1.ConditionStalled}, {Type: v1.ConditionReady}}
	set := evaluate(in)
	set.mining = ptr.To(condition.True(v1.ReasonMining, "blocks are mined"))
	set.setIn(&conditions, 7)
	var got []string
	for _, c := range conditions {
		got = append(got, c.Type)
		if c.ObservedGeneration != 7 || c.Reason == "" || c.Message == "" {
			t.Errorf("incomplete: %+v", c)
		}
	}
	if !slices.Equal(got, conditionOrder) {
		t.Errorf("got %v", got)
	}
}
