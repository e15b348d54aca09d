//go:build faults

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// run is the run of one seed.
type run struct {
	*apiserver.Environment
	name      string
	kubelet   *kubelet
	rpc       *rpcFaults
	operators []*operator
	started   time.Time
	pace      *pace
	// waited is waitedForCPU at that time.
	waited time.Duration

	mu       sync.Mutex
	timeline []string
	wrong    []string
	floor    int64
	// kept is the block that must stay, and apart is set until the sides of a partition have agreed again.
	kept  block
	apart bool
	// lease shows whether an operator works, but not at once: able is when one can work again. settled is when the connections of
	// nodes with faults have settled. All of them by the pace.
	lease   leadership
	able    time.Duration
	settled map[int]time.Duration
	// latest is the last version of the network, and unevaluated are those that were Ready first and are not compared with samples yet.
	latest      version
	unsettled   time.Duration // the last time that one was not settled
	unevaluated []version
	// samples are the observations of the last minute, and wrongSince is since when they show what Ready denies; only the observer has them.
	samples    []observation
	wrongSince time.Duration

	// calmed is closed when the faults are to end, and pending are those that have not ended.
	calmed  chan struct{}
	endOnce sync.Once
	pending sync.WaitGroup
	holds   holds
}

// keep waits while a fault lasts; false when the faults are to end before.
func (r *run) keep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.calmed:
	case <-ctx.Done():
	}
	return false
}

func (r *run) endFaults() {
	r.endOnce.Do(func() { close(r.calmed) })
	r.pending.Wait()
}

// note adds a line to the timeline, which is printed when the run fails.
func (r *run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timeline = append(r.timeline, fmt.Sprintf("%6.1f s  ", time.Since(r.started).Seconds())+fmt.Sprintf(format, args...))
}

func (r *run) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.note("WRONG: %s", text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, text)
}

// unable records that no operator may work for a while.
func (r *run) unable(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.able = max(r.able, r.pace.now()+d)
}

// stopped records that an operator is about to stop its work, which the lease shows a little later.
func (r *run) stopped(o *operator) {
	if r.leads(o) {
		r.unable(leaseShows)
	}
}

// disabled reports whether a fault may keep all operators from their work, or has until a short while ago.
func (r *run) disabled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.pace.now()
	return now < r.able || !r.lease.works(now)
}

// disturb records that nodes have a fault for so long.
func (r *run) disturb(d time.Duration, nodes ...node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range nodes {
		r.settled[n.ordinal()] = max(r.settled[n.ordinal()], r.pace.now()+d+settles)
	}
}

func (r *run) get(ctx context.Context) (*v1.BitcoinNetwork, error) {
	net := &v1.BitcoinNetwork{}
	return net, r.Client.Get(ctx, types.NamespacedName{Namespace: r.name, Name: "net"}, net)
}

func (r *run) update(ctx context.Context, change func(*v1.BitcoinNetworkSpec)) {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		net, err := r.get(ctx)
		if err != nil {
			return err
		}
		change(&net.Spec)
		return r.Client.Update(ctx, net)
	})
	if err != nil && ctx.Err() == nil {
		r.fail("change the specification: %v", err)
	}
}

// nodeAt is the node with this number, or with this remainder; false when it does not exist at this moment.
func (r *run) nodeAt(ctx context.Context, target int) (node, bool) {
	net, err := r.get(ctx)
	if err != nil {
		return node{}, false
	}
	all := int(net.Spec.Nodes)
	for _, n := range r.kubelet.nodes(all) {
		if n.ordinal() == target%all {
			return n, true
		}
	}
	r.note("node %d does not exist, and its fault is left out", target%all)
	return node{}, false
}

// running is one of the operators that run, or nil.
func (r *run) running(target int) *operator {
	var list []*operator
	for _, o := range r.operators {
		if o.runs() {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[target%len(list)]
}

// newRun starts all but the network.
func newRun(t *testing.T, seed uint64) *run {
	t.Helper()
	place := os.Getenv("FAULTS_PLACE")
	r := &run{
		Environment: apiserver.Start(t), name: fmt.Sprintf("seed-%d", seed), started: time.Now(), pace: newPace(), calmed: make(chan struct{}),
		settled: map[int]time.Duration{}, holds: holds{lasting: map[string]int{}},
	}
	r.waited, _ = waitedForCPU() //nolint:errcheck // not every machine knows
	dir := filepath.Join(place, r.name)
	must(t, os.MkdirAll(dir, 0o750))
	source := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) } //nolint:gosec // for tests
	_, err := r.Clients.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: r.name}}, metav1.CreateOptions{})
	must(t, err)
	r.rpc = &rpcFaults{random: source(1)}
	r.kubelet = &kubelet{
		clients: r.Clients, namespace: r.name, image: filepath.Join(place, "image"), dir: dir, faults: r.rpc, log: r.note, pods: map[types.UID]*container{},
		machines: newMachines(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { r.kubelet.run(ctx) })
	group.Go(func() { r.followLease(ctx) })
	group.Go(func() {
		r.pace.measure(ctx, func() {
			r.note("all of this was stopped")
			r.unable(leaseShows)
		})
	})
	for i := range 2 {
		proxy, err := newAPIProxy(r.Config, source(uint64(2+i))) //nolint:gosec // two
		must(t, err)
		o := &operator{name: fmt.Sprint("operator-", i), dir: dir, namespace: r.name, apiProxy: proxy, wanted: i == 0}
		r.operators = append(r.operators, o)
		group.Go(func() {
			if err := o.run(ctx, filepath.Join(place, "bitcoin-controller")); err != nil {
				r.fail("%s: %v", o.name, err)
			}
		})
	}
	t.Cleanup(func() {
		r.endFaults()
		for _, c := range r.kubelet.containers() {
			c.signalAll(9)
		}
		cancel()
		group.Wait()
		for _, root := range r.kubelet.roots() {
			unmountData(root)
		}
		for _, o := range r.operators {
			o.server.CloseClientConnections()
			o.server.Close()
		}
		r.report(t, dir)
	})
	return r
}

// report prints the timeline of a run that failed, and the end of its logs.
func (r *run) report(t *testing.T, dir string) {
	t.Helper()
	for _, wrong := range r.wrong {
		t.Error(wrong)
	}
	if !t.Failed() && os.Getenv("FAULTS_TIMELINE") == "" {
		_ = os.RemoveAll(dir)
		return
	}
	t.Logf("timeline:\n%s\nThe logs of operators and nodes are in %s.%s", strings.Join(r.timeline, "\n"), dir, r.starved())
}

// starved is a sentence about the machine, whose limits of time are none of the operator's when it has no time for it.
func (r *run) starved() string {
	waited, err := waitedForCPU()
	if err != nil {
		return ""
	}
	share := float64(waited-r.waited) / float64(time.Since(r.started)) * 100
	return fmt.Sprintf(" In %.0f %% of the time of the run a process waited for a processor.", share)
}

// waitedForCPU is for how long a process of this machine has waited for a processor so far.
func waitedForCPU() (time.Duration, error) {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0, err
	}
	some, _, _ := strings.Cut(string(text), "\n")
	micros, err := strconv.ParseInt(some[strings.LastIndex(some, "=")+1:], 10, 64)
	return time.Duration(micros) * time.Microsecond, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
