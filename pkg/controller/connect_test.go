package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestALookLingersUntilAllAnswersAreFromAfterIt(t *testing.T) {
	now := time.Now()
	at := func(seconds int) *answer { return &answer{at: now.Add(time.Duration(seconds) * time.Second)} }
	for name, test := range map[string]struct {
		until   int
		answers []*answer
		want    time.Duration
	}{
		"nobody ever lingered":                      {-1000, []*answer{at(0), at(0)}, 0},
		"a node lingers for two more seconds":       {2, []*answer{at(0), at(0)}, 2 * time.Second},
		"none does, but an answer is from before":   {-1, []*answer{at(0), at(-2)}, firstWait},
		"none does, and all answers are from after": {-1, []*answer{at(0), at(0)}, 0},
		"a node that does not answer says nothing":  {-1, []*answer{nil, at(0)}, 0},
	} {
		l := &look{now: now, memory: &memory{}}
		l.memory.lingers(now.Add(time.Duration(test.until) * time.Second))
		l.memory.lingers(now.Add(-time.Hour)) // the latest counts
		for _, a := range test.answers {
			l.nodes = append(l.nodes, node{answer: a})
		}
		if got := l.stillLingering(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestABatchThatIsUnderWayIsPending(t *testing.T) {
	m := &memory{nodes: map[types.UID]*nodeMemory{}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	m.node(pod)
	done, ok := m.act(pod)
	if _, again := m.act(pod); !ok || again || m.acting() != 1 {
		t.Errorf("claimed %v, a second time %v, %d nodes are acting", ok, again, m.acting())
	}
	if done(); m.acting() != 0 {
		t.Error("it is still acting")
	}
}
