package play

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestEventsOfANetworkWhoseNameBeginsTheSameAreNotItsOwn(t *testing.T) {
	p, _ := player(t, 2, hangs)
	p.network, p.sets = "net", []string{"net-sts", "net-old-sts"}
	for object, want := range map[string]bool{
		"net": true, "net-sts": true, "net-sts-0": true, "net-sts-12": true, "net-old-sts-1": true, "net-svc": true, "net-sts-0-expose": true,
		"net-2": false, "net-2-sts-0": false, "net-2-svc": false, "net-stsx": false, "net-sts-x": false, "network": false, "other": false,
	} {
		if got := p.isOwn(object); got != want {
			t.Errorf("%s is its own: %t", object, got)
		}
	}
}

// A series keeps its first time as that of the event.
func TestAnEventThatHappensAgainIsANewOne(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		event corev1.Event
		seen  bool
	}{
		"old":                 {corev1.Event{EventTime: metav1.NewMicroTime(now.Add(-time.Hour))}, false},
		"new":                 {corev1.Event{EventTime: metav1.NewMicroTime(now)}, true},
		"old, counted again":  {corev1.Event{EventTime: metav1.NewMicroTime(now.Add(-time.Hour)), LastTimestamp: metav1.NewTime(now)}, true},
		"a series that lasts": {corev1.Event{EventTime: metav1.NewMicroTime(now.Add(-time.Hour)), Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(now)}}, true},
		"a series that ended": {corev1.Event{EventTime: metav1.NewMicroTime(now.Add(-time.Hour)), Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(now.Add(-time.Hour))}}, false},
	} {
		p, _ := player(t, 1, hangs)
		c.event.Reason, c.event.InvolvedObject.Name = "Killing", "n"
		p.event(&c.event)
		if missing, err := p.events.missing("Killing", "n"); err != nil || (missing == "") != c.seen {
			t.Errorf("%s: %q (%v)", name, missing, err)
		}
	}
}
