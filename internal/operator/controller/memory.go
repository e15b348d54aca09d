package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// memories hold what the operator knows of each network between two looks. All of it can be lost: a restarted operator
// finds it out again, but for what a node may still dial out of an old list, in the seconds after a change of shape.
type memories struct {
	mu       sync.Mutex
	networks map[types.NamespacedName]*memory
}

func newMemories() *memories { return &memories{networks: map[types.NamespacedName]*memory{}} }

// of returns the memory of a network; one of the same name that was there before is forgotten.
func (m *memories) of(network *v1.BitcoinNetwork) *memory {
	key := types.NamespacedName{Namespace: network.Namespace, Name: network.Name}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.networks[key]; known != nil && known.uid == network.UID {
		return known
	}
	fresh := &memory{key: key, uid: network.UID, nodes: map[types.UID]*nodeMemory{}, applied: map[string]appliedObject{}}
	m.networks[key] = fresh
	return fresh
}

func (m *memories) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.networks, key)
}

// snapshots returns the last status of every network, for the metrics.
func (m *memories) snapshots() map[types.NamespacedName]snapshot {
	m.mu.Lock()
	networks := make(map[types.NamespacedName]*memory, len(m.networks))
	for key, memory := range m.networks {
		networks[key] = memory
	}
	m.mu.Unlock()
	taken := make(map[types.NamespacedName]snapshot, len(networks))
	for key, memory := range networks {
		memory.mu.Lock()
		if memory.snapshot != nil {
			taken[key] = *memory.snapshot
		}
		memory.mu.Unlock()
	}
	return taken
}

// memory is what is known of one network. mu guards what the calls in the background and the metrics use; the rest
// belongs to the one look that is under way.
type memory struct {
	key types.NamespacedName
	uid types.UID

	mu       sync.Mutex
	nodes    map[types.UID]*nodeMemory
	snapshot *snapshot
	mining   miningMemory
	// lingerUntil is when the last node is through with the copy of its list that has entries which were taken off.
	lingerUntil time.Time

	// applied is what the operator wrote last, by kind and name.
	applied map[string]appliedObject
	// rolled are the StatefulSets whose pods are being changed, until these have the others' blocks; nil before the first look.
	rolled map[string]change
	// lastLook bounds the share of time that one network's looks take.
	lastLook pastLook
	// wait and seen make the time between two looks grow while nothing moves.
	wait time.Duration
	seen string
	// unsyncedSince is when a network that was synced was first seen not to be.
	unsyncedSince time.Time
	// partitioned is whether the spec had partitions at the last look; nil before the first.
	partitioned *bool
	// forked is whether people were last told of a fork; nil before the first look.
	forked *bool
	// written is the status that was patched last, until the cache has it.
	written *writtenStatus
}

// writtenStatus is a status and the resource version that the API server gave the network with it.
type writtenStatus struct {
	version string
	status  *v1.BitcoinNetworkStatus
}

// rejoin gives a network that comes out of a cache which has not seen the last patch yet the status that was written. Compared
// with the one before, what has been told would be told again.
func (m *memory) rejoin(network *v1.BitcoinNetwork) {
	if m.written == nil {
		return
	}
	if order, err := resourceversion.CompareResourceVersion(network.ResourceVersion, m.written.version); err == nil && order < 0 {
		m.written.status.DeepCopyInto(&network.Status)
		return
	}
	m.written = nil
}

// snapshot is a network's status and what else the metrics show.
type snapshot struct {
	status v1.BitcoinNetworkStatus
	// blockTime is the time of the highest block, in seconds since 1970; 0 when unknown or before the first block.
	blockTime int64
}

const (
	// firstWait and lastWait bound the time between two looks while something is missing.
	firstWait = 100 * time.Millisecond
	lastWait  = 2 * time.Second
	// shortestGap lets the events of several pods come together in one look. longestGap is the longest between two looks of a
	// large network, and longestLastGap where little is missing any more.
	shortestGap    = 40 * time.Millisecond
	longestGap     = 2 * time.Second
	longestLastGap = 500 * time.Millisecond
	// longestRetry bounds the time after a look that failed.
	longestRetry = 30 * time.Second
)

// backoff returns the time until the next look: short after progress, longer the more often nothing has moved.
func (m *memory) backoff(fingerprint string, longest time.Duration) time.Duration {
	if fingerprint != m.seen || m.wait == 0 {
		m.seen, m.wait = fingerprint, firstWait
		return m.wait
	}
	m.wait = min(m.wait*3/2, longest)
	return m.wait
}

// pastLook is what the time of the next look depends on: when the last one ended and how long it took, of how many nodes, and
// whether it left anything to do.
type pastLook struct {
	ended   time.Time
	took    time.Duration
	nodes   int
	settled bool
}

// early returns how long it is still too early for another look, now that so many nodes run. A large network, whose looks take
// long, leaves the machine time for others: for the nodes that are still to be started above all. Once almost all of these run,
// be it in the middle of the gap, what is left is the operator's own to do.
func (p pastLook) early(now time.Time, running int) time.Duration {
	gap := min(2*p.took, longestGap)
	if !p.settled && (p.nodes-running)*10 <= p.nodes {
		gap = min(p.took/2, longestLastGap)
	}
	return max(p.ended.Add(max(gap, shortestGap)).Sub(now), 0)
}

// keepNodes forgets the nodes whose pods are gone.
func (m *memory) keepNodes(alive map[types.UID]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid := range m.nodes {
		if !alive[uid] {
			delete(m.nodes, uid)
		}
	}
}

// lingers notes that a node may dial what it should not, until then.
func (m *memory) lingers(until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until.After(m.lingerUntil) {
		m.lingerUntil = until
	}
}

func (m *memory) lingering() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lingerUntil
}
