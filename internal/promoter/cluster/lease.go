package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrLease: a run cannot hold the Lease of its release, or has lost it.
var ErrLease = failure.New(failure.External, "the lease of the release cannot be held")

// LeaseTimes limit how long a Lease is valid and how long a run waits for it.
type LeaseTimes struct {
	// Duration is how long other runs wait after the last renewal before they take over, in whole seconds. Default 1 minute.
	Duration time.Duration
	// Wait is how long a run waits for others. Default 45 minutes: CI engines end a job not long after.
	Wait time.Duration
}

func (t LeaseTimes) withDefaults() LeaseTimes {
	if t.Duration == 0 {
		t.Duration = time.Minute
	}
	if t.Wait == 0 {
		t.Wait = 45 * time.Minute
	}
	return t
}

// renewal is how long a holder tries to renew its lease, retry the time between two attempts. A holder stops before others take over.
func (t LeaseTimes) renewal() time.Duration { return t.Duration * 2 / 3 }
func (t LeaseTimes) retry() time.Duration   { return t.Duration / 12 }

// releaseLimit is the time that the deletion of a lease may take.
const releaseLimit = 10 * time.Second

// Lease is a run's exclusive use of the name of a release in a cluster. It is renewed until it is released, abandoned or lost.
type Lease struct {
	lock     *leaseLock
	times    LeaseTimes
	stop     context.CancelCauseFunc
	cause    func() error // why the renewal was stopped, nil if it was not
	acquired chan struct{}
	ended    chan struct{}
	given    atomic.Bool // true if this run has ended the lease itself
}

// Hold waits until this run alone may use the name of a release, creates the namespace if it does not exist, and holds the Lease
// NAMESPACE/chart-promoter-RELEASE, which names the holder. Lines report whom it waits for. Errors: ErrLease, ErrSilent.
func (c *Client) Hold(ctx context.Context, r Release, holder string, times LeaseTimes, line func(string)) (*Lease, error) {
	times = times.withDefaults()
	// The lease is needed after ctx, too, while the release is uninstalled.
	running, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	l := &Lease{
		times: times, stop: stop, cause: func() error { return context.Cause(running) }, acquired: make(chan struct{}), ended: make(chan struct{}),
	}
	l.lock = &leaseLock{
		LeaseLock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: "chart-promoter-" + r.Name}, Client: c.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: holder},
		},
		client: c, release: r, times: times, line: line, stop: stop, answered: time.Now(),
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: l.lock, LeaseDuration: times.Duration, RenewDeadline: times.renewal(), RetryPeriod: times.retry(),
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(l.acquired) },
			OnStoppedLeading: func() { close(l.ended) },
		},
	})
	if err != nil {
		return nil, err
	}
	// The lines of the lock replace the elector's log.
	go elector.Run(logr.NewContext(running, logr.Discard()))
	if err := l.wait(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Lease) wait(ctx context.Context) error {
	limit := time.NewTimer(l.times.Wait)
	defer limit.Stop()
	select {
	case <-l.acquired:
		return nil
	case <-l.ended:
		return l.cause()
	case <-ctx.Done():
		return errors.Join(ctx.Err(), l.Release(ctx)) // it may have been acquired meanwhile
	case <-limit.C:
		err := l.Release(ctx)
		return errors.Join(l.timedOut(), err)
	}
}

// timedOut is why this run has waited in vain. The last failure is the newer cause: a holder that is found ends it.
func (l *Lease) timedOut() error {
	switch why := l.lock.failure; {
	case why != nil:
		return fmt.Errorf("%w: after %s it still cannot be requested: %w", ErrLease, l.times.Wait, why)
	case l.lock.other != "":
		return fmt.Errorf("%w: after %s it is still held by %s; run the command again when that run has ended", ErrLease, l.times.Wait, l.lock.other)
	}
	return fmt.Errorf("%w: after %s there is no answer to the request for it", ErrLease, l.times.Wait)
}

// Guard returns a context that ends with ctx and when the lease is lost.
func (l *Lease) Guard(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-l.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Lost is the reason why this run no longer holds the lease: ErrLease, or nil if it holds it or has ended it itself.
func (l *Lease) Lost() error {
	select {
	case <-l.ended:
	default:
		return nil
	}
	if l.given.Load() {
		return nil
	}
	if cause := l.cause(); cause != nil {
		return cause
	}
	why := l.lock.failure
	if why == nil {
		why = context.DeadlineExceeded
	}
	return fmt.Errorf("%w any longer: it was not renewed for %s: %w", ErrLease, l.times.renewal(), why)
}

// Abandon stops the renewal and leaves the lease: other runs take over when it has expired.
func (l *Lease) Abandon() {
	l.given.Store(true)
	l.stop(nil)
	<-l.ended
}

// Release deletes the lease, so that another run can hold it at once. It works in a context that has ended, too.
func (l *Lease) Release(ctx context.Context) error {
	l.Abandon()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	leases, name := l.lock.client.CoordinationV1().Leases(l.lock.LeaseMeta.Namespace), l.lock.LeaseMeta.Name
	found, err := leases.Get(ctx, name, metav1.GetOptions{})
	if isNotFound(err) {
		return nil
	}
	if err == nil {
		if holder := found.Spec.HolderIdentity; holder == nil || *holder != l.lock.Identity() {
			return nil
		}
		same := metav1.Preconditions{UID: &found.UID, ResourceVersion: &found.ResourceVersion}
		err = leases.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &same})
	}
	// After a conflict it is the lease of another run.
	if err != nil && !isNotFound(err) && !isConflict(err) {
		return fmt.Errorf("delete the lease %s: %w: %w", l.lock.Describe(), ErrSilent, err)
	}
	return nil
}
