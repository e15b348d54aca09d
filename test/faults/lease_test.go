//go:build faults

package faults

import (
	"bytes"
	"context"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const (
	// thief is who holds a lease that is stolen.
	thief = "another"
	// renewal is the longest time between two renewals of a lease whose holder works: it renews it every 2 s.
	renewal = 5 * time.Second
	// startsWork is how long an operator that has the lease may take until it has the answers of the nodes.
	startsWork = 8 * time.Second
	// leaseShows is how long it takes until a lease shows that its holder does not work.
	leaseShows = renewal + 2*time.Second
)

// leadership is what the lease shows of the operators. The times are those of the pace, since the clocks of operators step.
type leadership struct {
	version, holder string
	// renewed is the latest renewal, and steady the first one since which the same operator renews it in time.
	renewed, steady time.Duration
}

// followLease records the renewals until the context ends.
func (r *run) followLease(ctx context.Context) {
	for sleep(ctx, 300*time.Millisecond) {
		list, err := r.Clients.CoordinationV1().Leases(r.name).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		var version, holder string
		for i := range list.Items {
			version, holder = list.Items[i].ResourceVersion, ptr.Deref(list.Items[i].Spec.HolderIdentity, "")
		}
		r.mu.Lock()
		r.lease.follow(version, holder, r.pace.now())
		r.mu.Unlock()
	}
}

func (l *leadership) follow(version, holder string, now time.Duration) {
	if version == l.version {
		return
	}
	if holder != l.holder || now-l.renewed > renewal {
		l.steady = now
	}
	l.version, l.holder, l.renewed = version, holder, now
}

// works reports whether an operator has the lease, renews it, and has had time to begin.
func (l *leadership) works(now time.Duration) bool {
	return l.holder != "" && l.holder != thief && now-l.renewed <= renewal && now-l.steady > startsWork
}

// leads reports whether an operator runs and holds the lease, or could hold it since none does.
func (r *run) leads(o *operator) bool {
	if !o.runs() {
		return false
	}
	r.mu.Lock()
	holder := r.lease.holder
	r.mu.Unlock()
	return holder == "" || holder == thief || o.claims(holder)
}

// leader is the operator that holds the lease, or nil.
func (r *run) leader() *operator {
	r.mu.Lock()
	holder := r.lease.holder
	r.mu.Unlock()
	for _, o := range r.operators {
		if holder != "" && o.runs() && o.claims(holder) {
			return o
		}
	}
	return nil
}

// claims reports whether this operator has last written the lease with this holder.
func (p *apiProxy) claims(holder string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Contains(p.lease, []byte(holder))
}

// stealLease has another operator take the lease, which does nothing and ends.
func (r *run) stealLease(ctx context.Context) {
	leases := r.Clients.CoordinationV1().Leases(r.name)
	list, err := leases.List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) == 0 {
		r.note("lease: none is held (%v)", err)
		return
	}
	for i := range list.Items {
		lease, now := &list.Items[i], metav1.NowMicro()
		lease.Spec = coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To(thief), LeaseDurationSeconds: ptr.To(int32(15)), AcquireTime: &now, RenewTime: &now,
			LeaseTransitions: ptr.To(ptr.Deref(lease.Spec.LeaseTransitions, 0) + 1),
		}
		if _, err := leases.Update(ctx, lease, metav1.UpdateOptions{}); err != nil {
			r.note("lease: %v", err)
		}
	}
}

func TestALeaseShowsWhetherAnOperatorWorks(t *testing.T) {
	l := &leadership{}
	at := func(seconds int) time.Duration { return time.Duration(seconds) * time.Second }
	for _, step := range []struct {
		at              int
		version, holder string
		works           bool
	}{
		{0, "", "", false},
		{1, "1", "first", false},
		{5, "2", "first", false},
		{10, "3", "first", true},
		{14, "3", "first", true},
		{16, "3", "first", false},
		{17, "4", "first", false},
		{21, "5", "first", false},
		{26, "6", "first", true},
		{27, "7", thief, false},
		{40, "7", thief, false},
		{41, "8", "second", false},
		{46, "9", "second", false},
		{50, "10", "second", true},
		{51, "11", "", false},
	} {
		if l.follow(step.version, step.holder, at(step.at)); l.works(at(step.at)) != step.works {
			t.Errorf("after %d s with version %q of %q an operator works: %t, want %t", step.at, step.version, step.holder, !step.works, step.works)
		}
	}
}
