package lease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// stored is a lease as the API server has it.
type stored struct {
	resourcelock.Interface
	holder string
	err    error
	// before is called before each answer.
	before func()
}

func (s *stored) Identity() string { return "own" }

func (s *stored) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	return &resourcelock.LeaderElectionRecord{HolderIdentity: s.holder}, nil, s.err
}

func (s *stored) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return s.Update(ctx, record)
}

func (s *stored) Update(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	s.before()
	if s.err == nil {
		s.holder = record.HolderIdentity
	}
	return s.err
}

// world is a lease, the operator's lock on it, and a clock.
type world struct {
	lease *stored
	lock  resourcelock.Interface
	sleep func(time.Duration)
}

var own = resourcelock.LeaderElectionRecord{HolderIdentity: "own"}

func renew(t *testing.T, w world) { _ = w.lock.Update(t.Context(), own) }

// situations are what has happened, and whether the operator may change something after it.
var situations = map[string]struct {
	do    func(*testing.T, world)
	works bool
}{
	"before the election":   {func(*testing.T, world) {}, false},
	"after the first lease": {func(t *testing.T, w world) { _ = w.lock.Create(t.Context(), own) }, true},
	"renewed":               {renew, true},
	"a moment before the deadline": {func(t *testing.T, w world) {
		renew(t, w)
		w.sleep(RenewDeadline - time.Nanosecond)
	}, true},
	"at the deadline": {func(t *testing.T, w world) {
		renew(t, w)
		w.sleep(RenewDeadline)
	}, false},
	"renewed after the deadline": {func(t *testing.T, w world) {
		renew(t, w)
		w.sleep(time.Hour)
		renew(t, w)
	}, true},
	"a renewal that failed": {func(t *testing.T, w world) {
		renew(t, w)
		w.sleep(RenewDeadline)
		w.lease.err = errors.New("the API server is down")
		renew(t, w)
	}, false},
	"frozen before the answer to a renewal": {func(t *testing.T, w world) {
		w.lease.before = func() { w.sleep(RenewDeadline) }
		renew(t, w)
	}, false},
	"another operator has the lease": {func(t *testing.T, w world) {
		renew(t, w)
		w.lease.holder = "other"
		_, _, _ = w.lock.Get(t.Context())
	}, false},
	"nobody can read the lease": {func(t *testing.T, w world) {
		renew(t, w)
		w.lease.holder, w.lease.err = "", errors.New("the API server is down")
		_, _, _ = w.lock.Get(t.Context())
	}, true},
	"it has the lease itself": {func(t *testing.T, w world) {
		renew(t, w)
		_, _, _ = w.lock.Get(t.Context())
	}, true},
	"released": {func(t *testing.T, w world) {
		renew(t, w)
		_ = w.lock.Update(t.Context(), resourcelock.LeaderElectionRecord{})
	}, false},
}

func TestAnOperatorChangesNothingWithoutAFreshRenewal(t *testing.T) {
	for name, test := range situations {
		t.Run(name, func(t *testing.T) {
			now := instant{wall: time.Now()}
			fence := NewFence(logr.Discard())
			fence.now = func() instant { return now }
			w := world{lease: &stored{before: func() {}}, sleep: func(d time.Duration) { now = now.plus(d, d) }}
			w.lock = fence.Lock(w.lease)
			test.do(t, w)
			if err := fence.Check(); (err == nil) != test.works || err != nil && !errors.Is(err, ErrNotRenewed) {
				t.Errorf("works %t, want %t: %v", err == nil, test.works, err)
			}
		})
	}
}

// A former leader that learns that another operator has had the lease does not get it again, whoever has it now.
func TestAFormerLeaderDoesNotLeadAgain(t *testing.T) {
	for name, test := range map[string]struct {
		// before is what this operator does, and holder has the lease after that.
		before func(*testing.T, world)
		holder string
		lost   bool
	}{
		"another one leads":                   {renew, "other", true},
		"another one has led":                 {renew, "", true},
		"another one leads, and it never led": {func(*testing.T, world) {}, "other", false},
		"nobody has led":                      {func(*testing.T, world) {}, "", false},
		"it has released the lease itself":    {situations["released"].do, "", false},
		"another one leads after its release": {situations["released"].do, "other", true},
	} {
		t.Run(name, func(t *testing.T) {
			fence := NewFence(logr.Discard())
			w := world{lease: &stored{before: func() {}}}
			w.lock = fence.Lock(w.lease)
			test.before(t, w)
			w.lease.holder = test.holder
			_, _, got := w.lock.Get(t.Context())
			for what, err := range map[string]error{
				"get": got, "create": w.lock.Create(t.Context(), own), "update": w.lock.Update(t.Context(), own), "check": fence.Check(),
			} {
				if errors.Is(err, ErrNotRenewed) != test.lost || err != nil && !test.lost {
					t.Errorf("%s: %v", what, err)
				}
			}
			if (w.lease.holder == "own") == test.lost {
				t.Errorf("the lease is that of %q", w.lease.holder)
			}
		})
	}
}

// takenOver is a lease that another operator takes and releases before the third renewal, which conflicts.
type takenOver struct {
	*stored
	renewals int
}

func (*takenOver) Describe() string { return "the lease" }

func (*takenOver) RecordEvent(string) {}

func (l *takenOver) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if l.renewals++; l.renewals == 3 {
		l.holder = ""
		return errors.New("the lease has another version")
	}
	return l.stored.Update(ctx, record)
}

func TestTheElectionOfAFormerLeaderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fence := NewFence(logr.Discard())
		led, lease := make(chan struct{}), &takenOver{stored: &stored{before: func() {}}}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: fence.Lock(lease), LeaseDuration: 15 * time.Second, RenewDeadline: RenewDeadline, RetryPeriod: 2 * time.Second, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(led) }, OnStoppedLeading: func() {}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		elector.Run(ctx)
		if took := time.Since(began); took > 30*time.Second || lease.renewals != 3 || lease.holder != "" {
			t.Errorf("the election took %s, with %d renewals, and the lease is that of %q", took, lease.renewals, lease.holder)
		}
		<-led
		if err := fence.Check(); !errors.Is(err, ErrNotRenewed) {
			t.Errorf("the fence returns %v", err)
		}
	})
}

func TestWithoutAnElectionAnOperatorAlwaysWorks(t *testing.T) {
	if err := (*Fence)(nil).Check(); err != nil {
		t.Error(err)
	}
}

// plus is the instant at which both clocks show more by this.
func (i instant) plus(wall, mono time.Duration) instant {
	return instant{i.wall.Add(wall), i.mono + mono}
}

func TestTheAgeIsThatOfTheClockThatHasRunFurther(t *testing.T) {
	for name, test := range map[string]struct {
		wall, mono time.Duration
		works      bool
	}{
		"a moment later":                         {time.Second, time.Second, true},
		"after the computer was suspended":       {time.Hour, 0, false},
		"the time was set back, long after":      {-time.Hour, RenewDeadline + time.Second, false},
		"the time was set back, a moment after":  {-time.Hour, time.Second, true},
		"the time was set forward, not too much": {RenewDeadline - time.Nanosecond, 0, true},
	} {
		now := instant{wall: time.Now()}
		fence := NewFence(logr.Discard())
		fence.now = func() instant { return now }
		renew(t, world{lock: fence.Lock(&stored{before: func() {}})})
		now = now.plus(test.wall, test.mono)
		if err := fence.Check(); (err == nil) != test.works {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The reading of each clock is its own: that of the date has nothing of the other one, by which its differences would be measured.
func TestTheClocksAreReadOneByOne(t *testing.T) {
	start := time.Now()
	if got := clocks(start)(); got.wall != got.wall.Round(0) || got.mono <= 0 || got.wall.Sub(start.Round(0)) < 0 {
		t.Errorf("%+v since %s", got, start)
	}
}
