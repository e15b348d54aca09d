package play

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// finding is one thing that is expected.
type finding struct {
	subject, want, seen string
	met                 bool
}

// history is since when each subject is as it is.
type history map[string]seen

type seen struct {
	text  string
	since time.Time
}

func (h history) update(findings []finding, now time.Time) {
	for _, f := range findings {
		if h[f.subject].text != f.seen || h[f.subject].since.IsZero() {
			h[f.subject] = seen{f.seen, now}
		}
	}
}

// describe is the message of what is not met: what was expected, what was seen, and since when.
func (h history) describe(findings []finding, limit time.Duration, now time.Time) string {
	var parts []string
	unmet := 0
	for _, f := range findings {
		if f.met {
			continue
		}
		if unmet++; unmet <= maxUnmet {
			since := h[f.subject].since
			parts = append(parts, fmt.Sprintf("expected %s to be %s within %s, and it is %s, since %s (%s)", f.subject, f.want, limit, f.seen,
				now.Sub(since).Round(100*time.Millisecond), since.UTC().Format("15:04:05.0Z")))
		}
	}
	if unmet > maxUnmet {
		parts = append(parts, fmt.Sprintf("%d more expectations are not met", unmet-maxUnmet))
	}
	return strings.Join(parts, "; ")
}

// maxUnmet are enough for a message.
const maxUnmet = 3

// expect checks until everything holds, for as long as it has to. A check that ends after the limit does not count.
func (p *Player) expect(ctx context.Context, e *scenario.Expect, limit time.Duration) (any, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := []finding{{"the answer of the cluster", "what is expected", "that the first check has not ended", false}}
	known := history{}
	known.update(last, time.Now())
	var holding time.Time
	complete := false
	for {
		if err := p.dead(); err != nil {
			return nil, err
		}
		begin := time.Now()
		findings, result, err := p.observe(bounded, e)
		if err != nil && isOverSoon(bounded) {
			<-bounded.Done()
		}
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && bounded.Err() == nil && !cluster.Transient(err):
			return nil, err
		case err != nil && bounded.Err() == nil:
			findings = []finding{{"the answer of the cluster", "what is expected", err.Error(), false}}
		}
		if len(findings) > 0 && (bounded.Err() == nil || !complete) { // one that was broken off knows less
			last = findings
			known.update(findings, now)
		}
		complete = complete || bounded.Err() == nil
		met := err == nil && bounded.Err() == nil && allMet(findings)
		switch {
		case met && holding.IsZero():
			holding = begin
		case !met && !holding.IsZero() && bounded.Err() == nil:
			p.note("it held for %s, and no longer: %s", now.Sub(holding).Round(time.Millisecond), known.describe(findings, limit, now))
			holding = time.Time{}
		}
		if met && now.Sub(holding) >= time.Duration(e.Holds) {
			return result, nil
		}
		// A check costs the cluster as many processes as it has nodes and questions: it gets as much time to recover.
		if cluster.Sleep(bounded, max(p.Cluster.Poll, now.Sub(begin))) != nil {
			return nil, unmet(ctx, e, known, last, holding, limit)
		}
	}
}

// isOverSoon reports whether the time is nearly over: a client does not begin a request then, and reports that as an error of its own.
func isOverSoon(ctx context.Context) bool {
	end, limited := ctx.Deadline()
	return limited && time.Until(end) < 100*time.Millisecond
}

func allMet(findings []finding) bool {
	return !slices.ContainsFunc(findings, func(f finding) bool { return !f.met })
}

// unmet is the error at the end of the time.
func unmet(ctx context.Context, e *scenario.Expect, known history, last []finding, holding time.Time, limit time.Duration) error {
	now := time.Now()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !allMet(last):
		return errors.New(known.describe(last, limit, now))
	case holding.IsZero(): // only the check that ended after the limit
		return fmt.Errorf("expected everything to hold within %s, and the check of it ended later: give the step a longer within", limit)
	}
	return fmt.Errorf("expected everything to hold for %s within %s, and it had held for %s then", time.Duration(e.Holds), limit, now.Sub(holding).Round(time.Millisecond))
}

// observe asks the nodes and the network.
func (p *Player) observe(ctx context.Context, e *scenario.Expect) ([]finding, any, error) {
	network, err := p.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	nodes, err := named(network, string(e.Nodes))
	if err != nil {
		return nil, nil, err
	}
	answers, err := p.ask(ctx, network, nodes, e)
	if err != nil {
		return nil, nil, err
	}
	findings, err := p.values(e)
	if err != nil {
		return nil, nil, err
	}
	findings = append(findings, conditions(network, e)...)
	for _, a := range answers {
		findings = append(findings, a.findings...)
	}
	result := map[string]any{}
	if len(answers) > 0 {
		findings = append(findings, tips(answers, e)...)
		result["height"], result["best"] = answers[0].tip.Height, answers[0].tip.Hash
		if answers[0].wallet != nil {
			result["wallet"] = answers[0].wallet
		}
	}
	if len(findings) == 0 || asksNodes(e) && len(nodes) == 0 {
		findings = append(findings, finding{"the number of nodes that are asked", "at least 1", strconv.Itoa(len(nodes)), false})
	}
	return findings, result, nil
}

// named are the nodes of an expectation; all if none is named.
func named(network *v1.BitcoinNetwork, text string) ([]noderef.Node, error) {
	all := noderef.Nodes(network)
	if text == "" {
		return all, nil
	}
	ordinals, err := noderef.Ordinals(text, len(all))
	if err != nil {
		return nil, err
	}
	var nodes []noderef.Node
	for _, ordinal := range ordinals {
		nodes = append(nodes, all[ordinal])
	}
	return nodes, nil
}

// tips compares the best blocks of the nodes with each other.
func tips(answers []answer, e *scenario.Expect) []finding {
	byTip := map[string][]int{}
	for _, a := range answers {
		text := "no answer"
		if a.answered {
			text = fmt.Sprintf("block %d %s", a.tip.Height, short(a.tip.Hash))
		}
		byTip[text] = append(byTip[text], a.node.Ordinal)
	}
	var parts []string
	for _, text := range slices.Sorted(maps.Keys(byTip)) {
		parts = append(parts, fmt.Sprintf("%s on nodes %s", text, noderef.Ranges(byTip[text])))
	}
	all := strings.Join(parts, " and ")
	var findings []finding
	if e.Best == "same" {
		_, silent := byTip["no answer"]
		findings = append(findings, finding{"the best block of all nodes", "the same", all, len(byTip) == 1 && !silent})
	}
	if e.Tips != nil {
		_, silent := byTip["no answer"]
		findings = append(findings, finding{"the number of best blocks", e.Tips.String(), fmt.Sprintf("%d: %s", len(byTip), all), !silent && e.Tips.HoldsInt(int64(len(byTip)))})
	}
	return findings
}

// short is enough of a hash for a person.
func short(hash string) string { return hash[:min(len(hash), 12)] }

func conditions(network *v1.BitcoinNetwork, e *scenario.Expect) []finding {
	var findings []finding
	for _, kind := range slices.Sorted(maps.Keys(e.Conditions)) {
		findings = append(findings, condition(network, kind, e.Conditions[kind]))
	}
	return findings
}

// condition compares with the status or the reason, of the present generation.
func condition(network *v1.BitcoinNetwork, kind, want string) finding {
	f := finding{subject: "the condition " + kind + " of " + network.Name, want: want, seen: "not reported"}
	c := meta.FindStatusCondition(network.Status.Conditions, kind)
	switch {
	case c == nil:
	case c.ObservedGeneration != network.Generation:
		f.seen = "that of an earlier spec"
	default:
		f.seen = fmt.Sprintf("%s (%s: %s)", c.Status, c.Reason, c.Message)
		f.met = string(c.Status) == want || c.Reason == want
	}
	return f
}

func (p *Player) values(e *scenario.Expect) ([]finding, error) {
	var findings []finding
	for _, expression := range slices.Sorted(maps.Keys(e.Values)) {
		value, err := p.Values.Evaluate(expression)
		if err != nil {
			return nil, err
		}
		comparison := e.Values[expression]
		text := scenario.Text(value)
		findings = append(findings, finding{expression, comparison.String(), brief(text), comparison.Holds(text)})
	}
	return findings, nil
}

// wait waits for a condition or an event.
func (p *Player) wait(ctx context.Context, w *scenario.Wait, limit time.Duration) error {
	if w.Event != "" {
		return p.waitEvent(ctx, w, limit)
	}
	want := w.Is
	if want == "" {
		want = "True"
	}
	return p.Cluster.Wait(ctx, limit, fmt.Sprintf("%s=%s of %s", w.Condition, want, p.network), func(ctx context.Context) (string, error) {
		network, err := p.get(ctx)
		if err != nil {
			return "", err
		}
		f := condition(network, w.Condition, want)
		if f.met {
			return "", nil
		}
		return "it is " + f.seen, nil
	})
}

func (p *Player) waitEvent(ctx context.Context, w *scenario.Wait, limit time.Duration) error {
	object := ""
	if w.Node != "" {
		network, err := p.get(ctx)
		if err != nil {
			return err
		}
		node, err := p.node(network, w.Node)
		if err != nil {
			return err
		}
		object = node.Pod
	}
	return p.Cluster.Wait(ctx, limit, "the event "+w.Event, func(context.Context) (string, error) {
		return p.events.missing(w.Event, object)
	})
}
