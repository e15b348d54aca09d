package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// shapes are those of the values that are imported, with each one behind those that it is in. A value of another shape would be left out without a word.
var shapes = []struct {
	kind yaml.Kind
	path string
}{
	{yaml.SequenceNode, "addnode"},
	{yaml.ScalarNode, "chain"},
	{yaml.MappingNode, "global"},
	{yaml.ScalarNode, "global.chain"},
	{yaml.MappingNode, "image"},
	{yaml.ScalarNode, "image.repository"},
	{yaml.ScalarNode, "image.tag"},
	{yaml.MappingNode, "ln"},
	{yaml.ScalarNode, "ln.lnd"},
	{yaml.ScalarNode, "ln.cln"},
	{yaml.MappingNode, "lnd"},
	{yaml.MappingNode, "lnd.image"},
	{yaml.ScalarNode, "lnd.image.repository"},
	{yaml.ScalarNode, "lnd.image.tag"},
	{yaml.SequenceNode, "lnd.channels"},
	{yaml.MappingNode, "cln"},
	{yaml.SequenceNode, "cln.channels"},
}

var kinds = map[yaml.Kind]string{yaml.SequenceNode: "a list", yaml.MappingNode: "a mapping", yaml.ScalarNode: "a single value"}

// shaped checks the values of a node, or of the defaults.
func shaped(file string, values *yaml.Node) error {
	for _, s := range shapes {
		if err := is(file, s.path, child(values, strings.Split(s.path, ".")...), s.kind); err != nil {
			return err
		}
	}
	for _, program := range []string{"ln.lnd", "ln.cln"} {
		if value := child(values, strings.Split(program, ".")...); !isTrue(value) && !isFalse(value) {
			return invalid.Errorf("%s has %s as %s in line %d: write true or false", file, quote(value.Value), program, value.Line)
		}
	}
	for _, peer := range list(child(values, "addnode")) {
		if err := is(file, "an entry of addnode", peer, yaml.ScalarNode); err != nil {
			return err
		}
	}
	for _, program := range []string{"lnd", "cln"} {
		for _, item := range list(child(values, program, "channels")) {
			if err := is(file, "an entry of "+program+".channels", item, yaml.MappingNode); err != nil {
				return err
			}
			if err := is(file, "target", child(item, "target"), yaml.ScalarNode); err != nil {
				return err
			}
		}
	}
	return nil
}

// is accepts a value of the kind, none, and null.
func is(file, what string, value *yaml.Node, kind yaml.Kind) error {
	if value == nil || value.Kind == kind || value.Tag == "!!null" {
		return nil
	}
	return invalid.Errorf("%s has %s as %s in line %d: write %s", file, kinds[value.Kind], what, value.Line, kinds[kind])
}

// isFalse accepts none too, and the words of YAML 1.1.
func isFalse(n *yaml.Node) bool {
	return slices.Contains([]string{"", "false", "no", "off"}, strings.ToLower(text(n)))
}
