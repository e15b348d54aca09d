package play

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/report"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// events are those about the network since the scenario began.
type events struct {
	mu   sync.Mutex
	list []happened
	// err is why there are none.
	err error
}

type happened struct{ reason, object string }

// missing returns "" when an event has happened.
func (e *events) missing(reason, object string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return "", e.err
	}
	seen := map[string]bool{}
	for _, event := range e.list {
		if event.reason == reason && (object == "" || object == event.object) {
			return "", nil
		}
		if object == "" || object == event.object {
			seen[event.reason] = true
		}
	}
	var reasons []string
	for reason := range seen {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	return fmt.Sprintf("the events so far are %q", reasons), nil
}

// maxEvents bounds what a hostile cluster makes us keep.
const maxEvents = 10_000

func (e *events) add(reason, object string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.list) < maxEvents {
		e.list = append(e.list, happened{reason, object})
	}
}

// watch follows the events and the status of the network for the timeline, until the context ends. Without the rights for it, the
// timeline has only the steps.
func (p *Player) watch(ctx context.Context) {
	core, networks := p.Cluster.Core.CoreV1().Events(p.Cluster.Namespace), p.Cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(p.Cluster.Namespace)
	list, err := core.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		err = p.Cluster.Explain(err, "list", "events")
		p.events.err = err
		p.note("the timeline has no events: %s", err.Error())
	} else {
		p.watchers.Go(func() {
			p.follow(ctx, list.ResourceVersion, "events", core.Watch, func(object any) { p.event(object) })
		})
	}
	only := func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		options.FieldSelector = "metadata.name=" + p.network
		return networks.Watch(ctx, options)
	}
	var last *v1.BitcoinNetwork
	p.watchers.Go(func() {
		p.follow(ctx, "", "bitcoinnetworks", only, func(object any) {
			if network, ok := object.(*v1.BitcoinNetwork); ok && network.Name == p.network {
				p.changes(last, network)
				last = network
			}
		})
	})
}

// again is the time before a watch that ended begins again.
const again = time.Second

// follow watches, again when a watch ends.
func (p *Player) follow(ctx context.Context, version, resource string, begin func(context.Context, metav1.ListOptions) (watch.Interface, error), each func(any)) {
	reported := false
	for ctx.Err() == nil {
		w, err := begin(ctx, metav1.ListOptions{ResourceVersion: version, Watch: true})
		if err != nil && ctx.Err() == nil && !reported {
			reported = true
			p.note("the timeline lacks %s: %s", resource, p.Cluster.Explain(err, "watch", resource).Error())
		}
		if err == nil {
			p.drain(ctx, w, each)
		}
		version = ""
		if cluster.Sleep(ctx, again) != nil {
			return
		}
	}
}

func (p *Player) drain(ctx context.Context, w watch.Interface, each func(any)) {
	defer w.Stop()
	for {
		select {
		case event, open := <-w.ResultChan():
			if !open || event.Type == watch.Error {
				return
			}
			if event.Type == watch.Added || event.Type == watch.Modified {
				each(event.Object)
			}
		case <-ctx.Done():
			return
		}
	}
}

// isOwn reports whether an object is the network, or one of its StatefulSets, pods and Services. The names of another network may begin as
// its own does.
func (p *Player) isOwn(object string) bool {
	if object == p.network || object == resources.ServiceName(p.network) {
		return true
	}
	for _, set := range p.sets {
		rest, found := strings.CutPrefix(object, set)
		ordinal, _, _ := strings.Cut(strings.TrimPrefix(rest, "-"), "-")
		if _, err := strconv.Atoi(ordinal); found && (rest == "" || rest[0] == '-' && err == nil) {
			return true
		}
	}
	return false
}

// latest is when an event has happened last.
func latest(e *corev1.Event) time.Time {
	at := e.EventTime.Time
	if last := e.LastTimestamp.Time; last.After(at) {
		at = last
	}
	if e.Series != nil && e.Series.LastObservedTime.After(at) {
		at = e.Series.LastObservedTime.Time
	}
	return at
}

// event reports one about the network, its StatefulSets or its pods. A watch that begins again has old ones too.
func (p *Player) event(object any) {
	e, ok := object.(*corev1.Event)
	if !ok || !p.isOwn(e.InvolvedObject.Name) || latest(e).Before(p.Report.Started.Add(-again)) {
		return
	}
	p.events.add(e.Reason, e.InvolvedObject.Name)
	p.Report.Add(time.Time{}, report.KindEvent, strings.ToLower(e.InvolvedObject.Kind)+" "+e.InvolvedObject.Name, "%s: %s", e.Reason, e.Message)
}

// changes reports what is different in the status.
func (p *Player) changes(before, after *v1.BitcoinNetwork) {
	if before == nil {
		before = &v1.BitcoinNetwork{}
	}
	add := func(object, format string, args ...any) {
		p.Report.Add(time.Time{}, report.KindNetwork, object, format, args...)
	}
	if before.Status.ReadyNodes != after.Status.ReadyNodes {
		add(after.Name, "%d nodes are ready", after.Status.ReadyNodes)
	}
	if before.Status.ChainTips != after.Status.ChainTips && after.Status.ChainTips > 0 {
		add(after.Name, "the nodes are on %d branches", after.Status.ChainTips)
	}
	known := map[int32]v1.NodeStatus{}
	for _, node := range before.Status.Nodes {
		known[node.Ordinal] = node
	}
	for _, node := range after.Status.Nodes {
		if was := known[node.Ordinal]; was.BestBlockHash != node.BestBlockHash && node.BestBlockHash != "" {
			add(node.PodName, "block %d %s", node.Blocks, short(node.BestBlockHash))
		}
	}
	for _, c := range after.Status.Conditions {
		i := slices.IndexFunc(before.Status.Conditions, func(b metav1.Condition) bool { return b.Type == c.Type })
		if i < 0 || before.Status.Conditions[i].Status != c.Status || before.Status.Conditions[i].Reason != c.Reason {
			add(after.Name, "%s is %s (%s: %s)", c.Type, c.Status, c.Reason, c.Message)
		}
	}
}
