package controller

import (
	"context"

	"golang.org/x/sync/semaphore"
)

const (
	// maxCallsPerNetwork bounds the concurrent calls of each kind to the nodes of one network, and maxCalls those to all nodes. A network
	// whose nodes hang occupies an eighth of the slots at most.
	maxCallsPerNetwork = 64
	maxCalls           = 512
)

// callKind is a kind of calls to nodes. Each kind has slots of its own.
type callKind int

const (
	// promptCalls are those that a pass waits for.
	promptCalls callKind = iota
	// slowCalls are probes of nodes that did not answer in time: enough of them would leave no slot for the healthy ones.
	slowCalls
	// changingCalls change connections or mine. They may take seconds in a healthy node.
	changingCalls
	callKinds
)

// slots bound the number of concurrent calls of each kind.
type slots [callKinds]*semaphore.Weighted

func newSlots(each int64) *slots {
	var s slots
	for kind := range s {
		s[kind] = semaphore.NewWeighted(each)
	}
	return &s
}

// acquire waits for a slot, and returns the function that returns it. Calls get slots in the order in which they ask. When the context
// ends, acquire returns without a slot.
func (s *slots) acquire(ctx context.Context, kind callKind) (release func()) {
	if s[kind].Acquire(ctx, 1) != nil {
		return func() {}
	}
	return func() { s[kind].Release(1) }
}
