package scenario

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// ExpectTimeout is until when an expectation has to be met without within; what has to hold for a time gets that time in addition.
const ExpectTimeout = 30 * time.Second

// inBackground reports whether the step runs until it is stopped.
func (s *Step) inBackground() bool {
	return s.Link != nil || s.Traffic != nil && child(child(s.node, "traffic"), "for") == nil || s.Miners != nil && child(child(s.node, "miners"), "for") == nil
}

// open reports whether a value is only known when the step runs.
func (d *decoder) open(n *yaml.Node) bool {
	return d.templates && n != nil && n.Kind == yaml.ScalarNode && isTemplate(n.Value)
}

// action checks the fields that depend on each other: when the file is read, and again with the values of a run.
func (d *decoder) action(step *Step) {
	n := step.node
	if w := step.Wait; w != nil && !d.open(child(n, "wait")) {
		condition, event := child(child(n, "wait"), "condition"), child(child(n, "wait"), "event")
		if (w.Condition == "" && !d.open(condition)) == (w.Event == "" && !d.open(event)) {
			d.add(n, "wait needs either a condition or an event")
		}
	}
	if step.Expect != nil && !d.open(child(n, "expect")) {
		d.expect(step)
	}
	if c := step.Command; c != nil && !d.open(child(n, "command")) && !d.open(child(child(n, "command"), "run")) {
		if len(c.Run) == 0 || c.Run[0] == "" && !d.templates {
			d.add(n, "command has no program")
		}
	}
	if c := step.CLI; c != nil && len(c.Arguments) == 0 && !d.open(child(n, "cli")) && !d.open(child(child(n, "cli"), "arguments")) {
		d.add(n, "cli has no arguments: write a method, such as getblockcount")
	}
	if m := step.Miners; m != nil && len(m.Shares) == 0 && !d.open(child(n, "miners")) && !d.open(child(child(n, "miners"), "shares")) {
		d.add(n, "miners has no shares: write the nodes that mine, such as {\"0\": 1}")
	}
	if stop := child(n, "stop"); stop != nil && step.Stop == "" && !d.open(stop) {
		d.add(stop, "stop has no name: write the as of the step that it ends")
	}
	d.lasting(step)
}

// lasting checks what runs in the background, or for a time.
func (d *decoder) lasting(step *Step) {
	if step.inBackground() && step.Repeat != nil && *step.Repeat > 1 {
		d.add(step.node, "repeat has no meaning for what runs in the background: remove it, or write for")
	}
	for _, action := range []string{"traffic", "miners"} {
		length := child(child(step.node, action), "for")
		if length != nil && !d.open(length) && (step.Traffic == nil || step.Traffic.For == 0) && (step.Miners == nil || step.Miners.For == 0) {
			d.add(length, "for has to be more than 0s: remove it for the background")
		}
	}
}

// expect checks that something is expected. What is empty would hold whatever the nodes answer.
func (d *decoder) expect(step *Step) {
	e, fields := step.Expect, child(step.node, "expect")
	if fields == nil || fields.Kind != yaml.MappingNode {
		return
	}
	if !hasOther(fields, "nodes", "holds") {
		d.add(fields, "expect has nothing to check: write what is expected, such as height: 5")
	}
	if best := child(fields, "best"); best != nil && !d.open(best) && e.Best != "same" && !hash.MatchString(e.Best) {
		d.add(best, "best is %q, and has to be the hash of a block (64 hexadecimal digits), or same", shorten(e.Best))
	}
	for _, part := range []struct {
		name   string
		others []string // that check nothing by themselves
	}{{"mempool", nil}, {"chain", nil}, {"wallet", []string{"name"}}, {"values", nil}, {"conditions", nil}} {
		if n := child(fields, part.name); n != nil && n.Kind == yaml.MappingNode && !hasOther(n, part.others...) {
			d.add(n, "%s has nothing to check: write what is expected of it, or remove it", part.name)
		}
	}
	for _, parent := range []string{"mempool", "chain"} {
		d.hashes(child(child(fields, parent), "has"))
		d.hashes(child(child(fields, parent), "lacks"))
	}
	for kind, want := range e.Conditions {
		if want == "" && !d.open(child(child(fields, "conditions"), kind)) {
			d.add(fields, "the condition %s has no value: write its status or its reason", shorten(kind))
		}
	}
	d.numbers(fields, e)
	if holds, within := child(fields, "holds"), child(step.node, "within"); e.Holds > 0 && within != nil && !d.open(holds) && !d.open(within) && e.Holds >= step.Within {
		d.add(holds, "holds is %s, and within has to be longer than that", time.Duration(e.Holds))
	}
}

// hash is that of a block or a transaction.
var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// hashes checks a list that must have entries.
func (d *decoder) hashes(list *yaml.Node) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	if len(list.Content) == 0 {
		d.add(list, "the list of hashes is empty: write at least one, or remove it")
	}
	for _, n := range list.Content {
		if n.Kind == yaml.ScalarNode && !d.open(n) && !hash.MatchString(n.Value) {
			d.add(n, "%q is not the hash of a block or a transaction: it has to have 64 hexadecimal digits", shorten(n.Value))
		}
	}
}

// numbers checks that what is a number is compared with one: any number differs from a text.
func (d *decoder) numbers(n *yaml.Node, e *Expect) {
	compared := map[string]*Comparison{"height": e.Height, "tips": e.Tips, "peers": e.Peers}
	if e.Mempool != nil {
		compared["size"] = e.Mempool.Size
	}
	if w := e.Wallet; w != nil {
		maps.Copy(compared, map[string]*Comparison{"trusted": w.Trusted, "pending": w.Pending, "immature": w.Immature})
		if confirmations := child(child(n, "wallet"), "confirmations"); confirmations != nil && confirmations.Kind == yaml.MappingNode && len(w.Confirmations) == 0 {
			d.add(confirmations, "confirmations has no transaction: write at least one, or remove it")
		}
		for txid, c := range w.Confirmations {
			if !d.templates && !hash.MatchString(txid) {
				d.add(n, "%q is not the hash of a transaction: it has to have 64 hexadecimal digits", shorten(txid))
			}
			compared["confirmations of "+shorten(txid)] = &c
		}
	}
	for _, name := range slices.Sorted(maps.Keys(compared)) {
		if c := compared[name]; c != nil && c.operator != "" && c.low == nil {
			d.add(n, "%s is compared with %q, and has to be with a number", name, shorten(c.text))
		}
	}
}

func hasOther(n *yaml.Node, keys ...string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			return true
		}
	}
	return false
}
