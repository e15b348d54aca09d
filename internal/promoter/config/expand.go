package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var variable = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

func expandNode(n *yaml.Node, env func(string) string) error {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "$") {
		v, err := expand(n.Value, env)
		if err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
		n.Value = v
	}
	for _, child := range n.Content {
		if err := expandNode(child, env); err != nil {
			return err
		}
	}
	return nil
}

func expand(s string, env func(string) string) (string, error) {
	var err error
	out := variable.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		g := variable.FindStringSubmatch(m)
		if v := env(g[1]); v != "" {
			return v
		}
		if g[2] == "" && err == nil {
			err = fmt.Errorf("the variable %s is not set; set it, or write ${%s:-default}", g[1], g[1])
		}
		return g[3]
	})
	return out, err
}
