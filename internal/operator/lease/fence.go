// Package lease keeps an operator that was frozen, by a signal, a paused virtual machine or a suspended computer, from working on with what it
// knew before. Leader election alone does not: a leader that wakes up tries to renew its lease for some time before it ends, though another
// operator has had it for long.
package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// RenewDeadline is how long a leader works without having renewed its lease. The others take the lease 5 seconds later at the earliest, which is
// the time for calls that are under way.
const RenewDeadline = 10 * time.Second

// Recheck is the time until a pass that the fence has kept from starting is due again: a leader renews its lease every two seconds.
const Recheck = time.Second

// ErrNotRenewed means that another operator may have the lease.
var ErrNotRenewed = errors.New("the operator has not renewed its lease in time, and another one may work")

// Fence knows whether the operator has renewed its lease in time. A nil Fence is that of an operator without an election, which always works.
type Fence struct {
	// now reads the clocks.
	now    func() instant
	logger logr.Logger

	mu sync.Mutex
	// renewed is the start of the latest request that has renewed the lease; nil for none, or when another operator has it.
	renewed *instant
	// overdue is true from the first check after the deadline until the next renewal.
	overdue bool
	// led is true from the first renewal on, and released when this operator has given the lease up.
	led, released bool
	// lost is true from the moment when another operator is known to have had the lease after this one.
	lost bool
}

// NewFence returns the fence of an operator that has no lease yet.
func NewFence(logger logr.Logger) *Fence { return &Fence{now: clocks(time.Now()), logger: logger} }

// instant is what the clocks of a computer show at one moment. The one that only runs forward stands still while the computer is suspended,
// and the other one may be set back.
type instant struct {
	wall time.Time
	mono time.Duration
}

// clocks reads both clocks, that which only runs forward from a moment on.
func clocks(start time.Time) func() instant {
	return func() instant {
		now := time.Now()
		return instant{wall: now.Round(0), mono: now.Sub(start)}
	}
}

// since is the time from another instant to this one, by the clock that has run further.
func (i instant) since(then instant) time.Duration {
	return max(i.mono-then.mono, i.wall.Sub(then.wall))
}

// Check returns ErrNotRenewed when the operator may not change anything now. It is called right before each change, by the client
// of Client for those of the API server: a process may be frozen between any two of its steps.
func (f *Fence) Check() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.renewed != nil && f.now().since(*f.renewed) < RenewDeadline {
		return nil
	}
	if !f.overdue {
		f.overdue = true
		f.logger.Info("The operator changes nothing until it has renewed its lease", "reason", ErrNotRenewed.Error())
	}
	return ErrNotRenewed
}

// set opens the fence after a request that began then has renewed the lease.
func (f *Fence) set(renewed instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		return
	}
	f.renewed, f.led = &renewed, true
	if f.overdue {
		f.overdue = false
		f.logger.Info("The operator has its lease, and continues")
	}
}

// observe takes in who has the lease, which is not this operator; holder is empty for nobody. What a former leader knows of the networks may be
// older than what the other one has written, also when that one has ended: it must not lead again, but end.
func (f *Fence) observe(holder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = nil
	if f.led && !f.lost && (holder != "" || !f.released) {
		f.lost = true
		f.logger.Info("Another operator has had the lease, so that this one ends", "holder", holder)
	}
}

// release closes the fence before the request that gives the lease up.
func (f *Fence) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed, f.released = nil, true
}

// mayElect returns an error when this operator must not get its lease any more. An election without an answer ends after RenewDeadline, and
// the process with it.
func (f *Fence) mayElect() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		return ErrNotRenewed
	}
	return nil
}

// Lock returns a lock for the election that reports to the fence what becomes of the lease.
func (f *Fence) Lock(of resourcelock.Interface) resourcelock.Interface { return lock{of, f} }

type lock struct {
	resourcelock.Interface
	fence *Fence
}

func (l lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err == nil && record.HolderIdentity != l.Identity() {
		l.fence.observe(record.HolderIdentity)
	}
	if lost := l.fence.mayElect(); lost != nil {
		return nil, nil, lost
	}
	return record, raw, err
}

func (l lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Create)
}

func (l lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Update)
}

// write creates, renews or releases the lease. What counts is when the request began: its answer may be read much later.
func (l lock) write(ctx context.Context, record resourcelock.LeaderElectionRecord, send func(context.Context, resourcelock.LeaderElectionRecord) error) error {
	if err := l.fence.mayElect(); err != nil {
		return err
	}
	began, own := l.fence.now(), record.HolderIdentity == l.Identity()
	if !own {
		l.fence.release()
	}
	err := send(ctx, record)
	if err == nil && own {
		l.fence.set(began)
	}
	return err
}
