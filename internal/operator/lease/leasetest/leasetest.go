// Package leasetest has a fence for tests whose operator gets its lease, and loses it, at a point of their choice.
package leasetest

import (
	"context"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
)

const identity = "own"

// free is a lease that everybody gets.
type free struct{ resourcelock.Interface }

func (free) Identity() string { return identity }

func (free) Update(context.Context, resourcelock.LeaderElectionRecord) error { return nil }

// New returns the fence of an operator without its lease, and functions by which it acquires the lease and loses it.
func New() (fence *lease.Fence, acquire, lose func()) {
	fence = lease.NewFence(logr.Discard())
	lock := fence.Lock(free{})
	holder := func(of string) func() {
		return func() {
			if err := lock.Update(context.Background(), resourcelock.LeaderElectionRecord{HolderIdentity: of}); err != nil {
				panic(err)
			}
		}
	}
	return fence, holder(identity), holder("")
}
