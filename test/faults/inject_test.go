//go:build faults

package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// mostNodes is more than a network has.
const mostNodes = 100

var shapes = []v1.TopologyType{v1.TopologyMesh, v1.TopologyRing, v1.TopologyLine, v1.TopologyStar, v1.TopologyRandom}

// inject lets a fault happen. It returns at once.
func (r *run) inject(ctx context.Context, f fault) {
	switch f.kind {
	case "rpc":
		r.rpc.fail(10+f.amount, f.lasts, "slow", "slow", "cut", "lost", "full", "garbage", "half")
	case "rpc-lie":
		r.rpc.fail(10+f.amount, f.lasts, "lie")
	case "node-kill", "node-freeze", "pod-delete", "disk-full":
		r.injectNode(ctx, f)
		return
	case "machine":
		r.loseMachine(ctx, f)
		return
	case "clock":
		r.stepClock(ctx, f)
		return
	case "lease":
		r.stealLease(ctx)
	case "api":
		for _, o := range r.operators {
			o.fail(f.amount/2+1, f.lasts)
		}
		r.unable(f.lasts + afterAPI)
	case "watch-cut", "api-gone", "op-kill", "op-freeze":
		if o := r.running(f.target); o != nil {
			r.injectOperator(ctx, o, f)
			return
		}
		r.note("%s: left out, since no operator runs", f.kind)
		return
	case "op-second":
		r.operators[1].want(true)
	case "op-takeover":
		// The second one takes over, and the first one resumes what it was about to do.
		r.operators[1].want(true)
		if o := r.leader(); o != nil {
			r.freeze(ctx, o, 18*time.Second)
		}
	case "op-stop":
		r.stopped(r.operators[1])
		r.operators[1].want(false)
	default:
		r.update(ctx, func(spec *v1.BitcoinNetworkSpec) { edit(spec, f) })
	}
	r.note("%s", f)
}

// injectOperator lets a fault happen to an operator that runs.
func (r *run) injectOperator(ctx context.Context, o *operator, f fault) {
	r.note("%s of %s for %s", f.kind, o.name, f.lasts.Round(100*time.Millisecond))
	switch f.kind {
	case "watch-cut":
		r.note("%s: %d watches are cut", o.name, o.cutWatches())
	case "api-gone":
		if r.leads(o) {
			r.unable(f.lasts + afterAPI)
		}
		o.fail(100, f.lasts)
		o.cutWatches()
	case "op-kill":
		r.stopped(o)
		o.kill(f.lasts / 3)
	case "op-freeze":
		r.freeze(ctx, o, 2*f.lasts)
	}
}

func (r *run) freeze(ctx context.Context, o *operator, lasts time.Duration) {
	r.stopped(o)
	r.hold(ctx, o.name, lasts, func() { o.signal(syscall.SIGSTOP) }, func() { o.signal(syscall.SIGCONT) })
}

// injectNode lets a fault happen to a node, unless blocks could be lost for good.
func (r *run) injectNode(ctx context.Context, f fault) {
	n, exists := r.nodeAt(ctx, f.target)
	if !exists {
		return
	}
	// A container that is killed takes all its nodes with it.
	wholePod := f.kind == "pod-delete" || f.kind == "disk-full" || f.kind == "node-kill" && n.perPod > 0 && f.amount%4 == 0
	// Who loses its chain or its latest blocks must not be who has them alone.
	if f.kind != "node-freeze" && !r.replaceable(ctx, func(o node) bool { return o.pod.Name == n.pod.Name && (wholePod || o.slot == n.slot) }) {
		r.note("%s %s: left out, since the others do not have its blocks yet", f.kind, n.name())
		return
	}
	r.note("%s %s (all of its pod: %t) for %s", f.kind, n.name(), wholePod, f.lasts.Round(100*time.Millisecond))
	if wholePod {
		r.disturb(f.lasts, n.container.nodes(mostNodes)...)
	} else {
		r.disturb(f.lasts, n)
	}
	switch {
	case f.kind == "pod-delete":
		if err := r.Clients.CoreV1().Pods(r.name).Delete(ctx, n.pod.Name, metav1.DeleteOptions{}); err != nil {
			r.note("delete %s: %v", n.pod.Name, err)
		}
	case f.kind == "disk-full":
		r.fillVolume(ctx, n.container, f.lasts)
	case f.kind == "node-freeze":
		what := fmt.Sprint("freeze ", n.name(), n.pod.UID)
		r.hold(ctx, what, f.lasts, func() { n.signal(syscall.SIGSTOP) }, func() { n.signal(syscall.SIGCONT) })
	case wholePod:
		n.signalAll(syscall.SIGKILL)
	default:
		n.signal(syscall.SIGKILL)
	}
}

// edit changes the specification as a user may.
func edit(spec *v1.BitcoinNetworkSpec, f fault) {
	switch f.kind {
	case "scale":
		// Not less than three: a majority of two is both. Partitions must name nodes that exist.
		spec.Nodes, spec.Partitions = int32(3+f.amount%3), nil //nolint:gosec // 3 to 5
		if spec.NodesPerPod > 1 {
			spec.Nodes = int32(5 + f.amount%4) //nolint:gosec // 5 to 8, so that nodes leave their pods, and pods
		}
	case "topology":
		spec.Topology = &v1.Topology{Type: shapes[f.amount%len(shapes)]}
	case "partition":
		spec.Partitions = []v1.Partition{{Nodes: []int32{int32(f.target) % spec.Nodes}}} //nolint:gosec // an ordinal
	case "heal":
		spec.Partitions = nil
	case "mining":
		spec.Mining = nil
		if f.amount%2 == 0 {
			spec.Mining = mining()
		}
	}
}

func mining() *v1.Mining {
	return &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}
}

// calm ends all faults.
func (r *run) calm() {
	r.rpc.heal()
	for _, o := range r.operators {
		o.heal()
		o.resume()
	}
	for _, c := range r.kubelet.containers() {
		c.signalAll(syscall.SIGCONT)
	}
	r.endFaults()
	r.mu.Lock()
	r.able = min(r.able, r.pace.now()+afterAPI)
	r.mu.Unlock()
	r.note("the faults end")
}
