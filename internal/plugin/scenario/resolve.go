package scenario

import (
	"embed"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Actions are the names of all actions.
func Actions() []string {
	var list []string
	for f := range reflect.TypeFor[Action]().NumField() {
		list = append(list, nameOf(reflect.TypeFor[Action]().Field(f)))
	}
	return list
}

func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// Actions are the names of those that the step has.
func (s *Step) Actions() []string {
	var list []string
	v := reflect.ValueOf(s.Action)
	for i := range v.NumField() {
		name := nameOf(v.Type().Field(i))
		if !v.Field(i).IsZero() || child(s.node, name) != nil {
			list = append(list, name)
		}
	}
	return list
}

// Title is the name of the step, or its action.
func (s *Step) Title() string {
	if s.Name != "" {
		return s.Name
	}
	return strings.Join(s.Actions(), ", ")
}

// Location is the file and the line of the step.
func (s *Scenario) Location(step *Step) string { return fmt.Sprintf("%s:%d", s.File, step.Line) }

// Resolve returns a step with the values of its references.
func (v Values) Resolve(step *Step) (*Step, error) {
	n, err := v.expand(step.node)
	if err != nil {
		return nil, err
	}
	resolved := &Step{node: n, Line: step.Line}
	d := &decoder{}
	d.value(n, reflect.ValueOf(resolved).Elem(), "the step")
	resolved.As = step.As
	if resolved.Repeat != nil && (*resolved.Repeat < 1 || *resolved.Repeat > maxSteps) {
		d.add(n, "repeat has to be from 1 to %d", maxSteps)
	}
	if len(d.problems) == 0 {
		d.action(resolved)
	}
	return resolved, d.err()
}

// ResolveNetwork returns the network with the values of its references.
func (v Values) ResolveNetwork(s *Scenario) (Network, error) {
	network := Network{Spec: &v1.BitcoinNetworkSpec{Nodes: 3}}
	n := child(s.root, "network")
	if n == nil {
		return network, nil
	}
	expanded, err := v.expand(n)
	if err != nil {
		return network, err
	}
	network.Spec = nil
	d := &decoder{}
	d.value(expanded, reflect.ValueOf(&network).Elem(), "network")
	if network.Spec == nil && network.Use == "" {
		network.Spec = &v1.BitcoinNetworkSpec{Nodes: 3}
	}
	return network, d.err()
}

// Set returns the values of the parameters, with those of --set.
func (s *Scenario) Set(given []string) (Values, error) {
	values := Values{}
	for name, value := range s.Parameters {
		values[name] = string(value)
	}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--set %q is not possible: write NAME=VALUE", text)
		}
		if _, exists := s.Parameters[name]; !exists {
			known := make([]string, 0, len(s.Parameters))
			for parameter := range s.Parameters {
				known = append(known, parameter)
			}
			slices.Sort(known)
			if len(known) == 0 {
				return nil, fmt.Errorf("--set %s: the scenario has no parameters", name)
			}
			return nil, fmt.Errorf("--set %s: the scenario has no such parameter, but %s%s", name, strings.Join(known, ", "), near(name, known))
		}
		values[name] = value
	}
	return values, nil
}

//go:embed ready/*.yaml
var ready embed.FS

// Ready are the names of the scenarios that the program has.
func Ready() []string {
	entries, err := ready.ReadDir("ready")
	if err != nil {
		panic(err) // embedded
	}
	var list []string
	for _, entry := range entries {
		list = append(list, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return list
}

// Open returns the text of a scenario that the program has.
func Open(name string) ([]byte, bool) {
	text, err := ready.ReadFile(path.Join("ready", path.Base(name)+".yaml"))
	return text, err == nil
}

// NearReady suggests the name of one that the program has.
func NearReady(name string) string { return near(name, Ready()) }
