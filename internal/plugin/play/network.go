package play

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// readyTimeout is the time of a new network without within.
const readyTimeout = 5 * time.Minute

// prepare creates the network, or takes the one that exists, and waits until it is Ready.
func (p *Player) prepare(ctx, watching context.Context) (title string, err error) {
	p.Values["network"], p.Values["nodes"] = p.Use, "0"
	network, err := p.Values.ResolveNetwork(p.Scenario)
	if err != nil {
		return "the network", err
	}
	if p.Use != "" {
		network.Use = p.Use
	}
	if p.network = network.Use; p.network != "" {
		title = "use network " + p.network
		if p.original, err = p.get(ctx); err != nil {
			p.network = ""
			return title, err
		}
	} else {
		p.network = network.Name
		if p.network == "" {
			p.network = generated(p.Name)
		}
		title = "create network " + p.network
		object := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: p.network, Namespace: p.Cluster.Namespace}, Spec: *network.Spec}
		if _, err := p.Cluster.Create(ctx, object, false); err != nil {
			p.network = "" // not ours
			return title, err
		}
	}
	spec := network.Spec
	if p.original != nil {
		spec = &p.original.Spec
	}
	for _, group := range resources.Groups(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: p.network}, Spec: *spec}, "") {
		p.sets = append(p.sets, group.StatefulSet)
	}
	p.Report.Network, p.Values["network"] = p.network, p.network
	p.watch(watching)
	if err := p.Cluster.WaitReady(ctx, p.network, network.Within.Or(readyTimeout)); err != nil {
		return title, err
	}
	return title, p.count(ctx)
}

// count keeps the number of nodes for ${nodes}.
func (p *Player) count(ctx context.Context) error {
	network, err := p.get(ctx)
	if err == nil {
		p.Values["nodes"] = json.Number(fmt.Sprint(len(noderef.Nodes(network))))
	}
	return err
}

// maxName leaves room for the suffixes of the operator's objects and of pods.
const maxName = 30

// generated is a name that no other run has, also with the same seed.
func generated(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	if len(name) > maxName {
		name = strings.TrimRight(name[:maxName], "-")
	}
	if name == "" || name[0] < 'a' {
		name = strings.TrimRight("s-"+name, "-")
	}
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	suffix := make([]byte, 5)
	for i := range suffix {
		suffix[i] = letters[rand.IntN(len(letters))] //nolint:gosec // a name
	}
	return name + "-" + string(suffix)
}

// cleanTimeout is how long the end of a network takes at most. What ends before it has a time of its own.
const cleanTimeout = 90 * time.Second

// clean ends what runs, and deletes or restores the network, also when the scenario was interrupted.
func (p *Player) clean(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	err := p.stopAll()
	if p.forward != nil {
		p.forward.Close()
	}
	resuming, cancel := context.WithTimeout(ctx, p.endTimeout)
	resumed := p.resumeAll(resuming)
	cancel()
	ctx, cancel = context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	switch {
	case p.network == "":
		return err
	case p.Keep:
		p.Progress("The network %s is kept: kubectl delete btcnet %s --namespace %s deletes it.", p.network, p.network, p.Cluster.Namespace)
		return both(err, resumed)
	case p.original != nil:
		return both(both(err, resumed), p.restore(ctx))
	}
	if failed := p.Cluster.Delete(ctx, p.network, cleanTimeout); failed != nil {
		return fmt.Errorf("the network %s may still exist: kubectl delete btcnet %s --namespace %s deletes it (%w)", p.network, p.network, p.Cluster.Namespace, failed)
	}
	return err // nodes that could not be resumed are gone
}

func both(first, second error) error {
	if first == nil {
		return second
	}
	return first
}

// restored are the fields of the spec that steps can change.
var restored = []string{"nodes", "groups", "image", "config", "partitions"}

// restore gives a network that existed before what steps have changed.
func (p *Player) restore(ctx context.Context) error {
	now, err := p.get(ctx)
	if err != nil {
		return err
	}
	before, err := fields(p.original)
	if err != nil {
		return err
	}
	after, err := fields(now)
	if err != nil {
		return err
	}
	patch := map[string]json.RawMessage{}
	for _, name := range restored {
		if string(before[name]) != string(after[name]) {
			patch[name] = before[name] // null removes it
		}
	}
	// A merge patch keeps keys of config that are only in the present one.
	if _, changed := patch["config"]; changed {
		patch["config"], err = configPatch(p.original, now)
	}
	if err != nil || len(patch) == 0 {
		return err
	}
	return p.patch(ctx, patch)
}

func fields(network *v1.BitcoinNetwork) (map[string]json.RawMessage, error) {
	text, err := json.Marshal(network.Spec)
	if err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	return out, json.Unmarshal(text, &out)
}

func configPatch(before, after *v1.BitcoinNetwork) (json.RawMessage, error) {
	if before.Spec.Config == nil {
		return json.RawMessage("null"), nil
	}
	patch := map[string]any{}
	for key := range after.Spec.Config {
		patch[key] = nil
	}
	for key, value := range before.Spec.Config {
		patch[key] = value
	}
	return json.Marshal(patch)
}

func (p *Player) patch(ctx context.Context, spec any) error {
	text, err := json.Marshal(map[string]any{"spec": spec})
	if err == nil {
		_, err = p.Cluster.Patch(ctx, p.network, text)
	}
	return err
}
