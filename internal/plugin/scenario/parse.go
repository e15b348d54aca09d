package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSize and maxSteps are more than a person writes.
const (
	MaxSize  = 1 << 20
	maxSteps = 1000
)

// Parse reads a file, strictly. The error joins a *Problem for each line that is wrong. What depends on values that only a run has is
// checked when the step runs.
func Parse(file string, data []byte) (*Scenario, error) {
	if len(data) > MaxSize {
		return nil, &Problem{1, fmt.Sprintf("the file has more than %d bytes", MaxSize)}
	}
	root, err := document(data)
	if err != nil {
		return nil, err
	}
	s := &Scenario{File: file, root: root}
	d := &decoder{templates: true}
	d.value(root, reflect.ValueOf(s).Elem(), "the scenario")
	s.locate()
	d.check(s)
	return s, d.err()
}

var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s*)?line (\d+): (.*)`)

func document(data []byte) (*yaml.Node, error) {
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := reader.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil, &Problem{1, "the file is empty: write version, network and steps; kubectl btcnet run --show wallet-reorg prints an example"}
	case err != nil:
		line := 1
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if match := yamlLine.FindStringSubmatch(err.Error()); match != nil {
			_, _ = fmt.Sscan(match[1], &line) // digits
			text = match[2]
		}
		return nil, &Problem{line, "this is no YAML: " + text}
	}
	if err := reader.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Problem{max(second.Line, 1), "the file has a second document: write one scenario in each file"}
	}
	return doc.Content[0], nil
}

// locate gives each step its line.
func (s *Scenario) locate() {
	steps := child(s.root, "steps")
	if steps == nil || steps.Kind != yaml.SequenceNode {
		return
	}
	for i := range s.Steps {
		s.Steps[i].node, s.Steps[i].Line = steps.Content[i], steps.Content[i].Line
	}
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// names are for steps and parameters, so that expressions can have them.
var names = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// check finds what the types do not show.
func (d *decoder) check(s *Scenario) {
	if s.root.Kind != yaml.MappingNode {
		return
	}
	if n := child(s.root, "version"); n != nil && s.Version != Version {
		d.add(n, "version %s does not exist: this program reads version %d", shorten(n.Value), Version)
	}
	steps := child(s.root, "steps")
	if steps != nil && (len(s.Steps) == 0 || len(s.Steps) > maxSteps) {
		d.add(steps, "the scenario has %d steps, and has to have from 1 to %d", len(s.Steps), maxSteps)
	}
	known := slices.Clone(builtin)
	for name := range s.Parameters {
		known = d.define(child(s.root, "parameters"), "the parameter", name, known)
	}
	d.network(s, known)
	background := map[string]bool{}
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.node == nil || step.node.Kind != yaml.MappingNode {
			continue
		}
		d.step(step, background)
		d.references(step.node, known)
		if step.As != "" {
			known = d.define(child(step.node, "as"), "the name", step.As, known)
		}
	}
}

func (d *decoder) define(n *yaml.Node, what, name string, known []string) []string {
	switch {
	case !names.MatchString(name):
		d.add(n, "%s %q is not possible: write letters, digits and _, not beginning with a digit", what, shorten(name))
	case slices.Contains(known, name):
		d.add(n, "%s %q has another meaning already: choose another one", what, name)
	}
	return append(known, name)
}

func (d *decoder) network(s *Scenario, known []string) {
	n := child(s.root, "network")
	if n == nil {
		return
	}
	if s.Network.Use != "" && (s.Network.Spec != nil || s.Network.Name != "") {
		d.add(n, "network has use and also name or spec: write use for a network that exists, or the others for a new one")
	}
	d.references(n, known)
}

// step checks that it has one action, and what the action needs.
func (d *decoder) step(step *Step, background map[string]bool) {
	actions := step.Actions()
	switch {
	case len(actions) == 0 && !slices.ContainsFunc(d.problems, func(p *Problem) bool { return p.Line >= step.Line && p.Line <= last(step.node) }):
		d.add(step.node, "the step has no action: write one of %s", strings.Join(Actions(), ", "))
	case len(actions) > 1:
		d.add(step.node, "the step has the actions %s: write one step for each", strings.Join(actions, " and "))
	}
	if step.Repeat != nil && (*step.Repeat < 1 || *step.Repeat > maxSteps) && !isTemplate(valueOf(step.node, "repeat")) {
		d.add(child(step.node, "repeat"), "repeat has to be from 1 to %d", maxSteps)
	}
	if step.MayFail && step.Expect != nil {
		d.add(child(step.node, "mayFail"), "mayFail has no meaning with expect: remove one of them")
	}
	if step.inBackground() && step.As != "" {
		background[step.As] = true
	}
	if step.Stop != "" && !background[step.Stop] {
		d.add(step.node, "stop names %q, which no earlier step has as its name in the background%s", shorten(step.Stop), near(step.Stop, slices.Collect(maps.Keys(background))))
	}
	delete(background, step.Stop)
	d.action(step)
}

// last is the last line of a node.
func last(n *yaml.Node) int {
	line := n.Line
	for _, inner := range n.Content {
		line = max(line, last(inner))
	}
	return line
}

func valueOf(n *yaml.Node, key string) string {
	if found := child(n, key); found != nil {
		return found.Value
	}
	return ""
}

// references checks that each name is known where it is used.
func (d *decoder) references(n *yaml.Node, known []string) {
	if n.Kind == yaml.ScalarNode && isTemplate(n.Value) {
		for _, match := range reference.FindAllStringSubmatch(n.Value, -1) {
			if !strings.HasPrefix(match[0], "$$") {
				d.known(n, match[1], known)
			}
		}
	}
	for i, inner := range n.Content {
		d.references(inner, known)
		if values := child(inner, "values"); i > 0 && n.Content[i-1].Value == "expect" && values != nil && values.Kind == yaml.MappingNode {
			for j := 0; j < len(values.Content); j += 2 {
				d.expression(values.Content[j], known)
			}
		}
	}
}

func (d *decoder) expression(n *yaml.Node, known []string) {
	if isTemplate(n.Value) {
		return // its names are checked as those of any text
	}
	if _, err := parse(n.Value); err != nil {
		d.add(n, "%s", err.Error())
		return
	}
	d.known(n, n.Value, known)
}

func (d *decoder) known(n *yaml.Node, text string, known []string) {
	parsed, err := parse(text)
	if err != nil {
		return // reported where the value is read
	}
	for _, name := range parsed.names() {
		if !slices.Contains(known, name) {
			d.add(n, "${%s} has no value: no parameter or earlier step is called %s%s", text, name, near(name, slices.Clone(known)))
		}
	}
}
