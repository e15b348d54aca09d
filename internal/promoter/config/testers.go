package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Names are one name or a list of names.
type Names []string

// UnmarshalYAML parses qa or [qa, staging].
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = nil
		if node.Value != "" && node.Tag != "!!null" {
			*n = Names{node.Value}
		}
		return nil
	}
	var list []string
	if err := node.Decode(&list); err != nil {
		return fmt.Errorf("line %d: write one name or a list of names", node.Line)
	}
	if len(list) == 0 || slices.Contains(list, "") {
		return fmt.Errorf("line %d: the list of names is empty, or one of its names; write at least one name", node.Line)
	}
	*n = list
	return nil
}

// Verifiers are the stages whose attestations are required; none for Unverified.
func (g *Guards) Verifiers() []string {
	if len(g.VerifiedBy) == 1 && g.VerifiedBy[0] == Unverified {
		return nil
	}
	return g.VerifiedBy
}

// Testers are the stages that test candidates, in order; the first is Tester.
func (c *Config) Testers() []*Stage {
	var list []*Stage
	for i := range c.Stages {
		if c.Stages[i].Verify != nil {
			list = append(list, &c.Stages[i])
		}
	}
	return list
}

// testersBefore are the names of the stages that test candidates and come before the stage of this number, or of all of them if there
// is none.
func (c *Config) testersBefore(stage int) Names {
	var before, all Names
	for i := range c.Stages {
		if c.Stages[i].Verify == nil {
			continue
		}
		all = append(all, c.Stages[i].Name)
		if i < stage {
			before = all
		}
	}
	if before == nil {
		return all
	}
	return before
}

// validateTesters checks the order of the stages that test: the first one creates the package.
func (c *Config) validateTesters() error {
	testers := c.Testers()
	if len(testers) > 0 && testers[0].Candidate == nil {
		if c.Tester() == nil {
			return fmt.Errorf("stage %s: candidate and verify belong together; add candidate to the first stage that has verify", testers[0].Name)
		}
		return fmt.Errorf("stage %s has verify, but the stage that makes the package, %s, comes after it; put %[2]s first", testers[0].Name, c.Tester().Name)
	}
	return nil
}

// IsExisting reports whether the tests use an existing cluster.
func (c *Cluster) IsExisting() bool { return c.Kubeconfig != Key{} }

func (c *Cluster) validate() error {
	if c.IsExisting() && (c.NodeImage != "" || c.Config != "" || c.Wait != 0 || len(c.Preload) > 0) {
		return fmt.Errorf("verify.cluster: kubeconfig names an existing cluster, and nodeImage, config, wait and preload are for a new one; remove them or kubeconfig")
	}
	return nil
}
