package play

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// change changes the number of nodes of a group, or its image or options, and waits until the network is Ready.
func (p *Player) change(ctx context.Context, network *v1.BitcoinNetwork, step *scenario.Step, limit time.Duration) error {
	spec := map[string]any{}
	var err error
	var wait bool
	if s := step.Scale; s != nil {
		err = scaled(network, s, spec)
		wait = s.Wait == nil || *s.Wait
	} else {
		err = changed(network, step.Change, spec)
		wait = step.Change.Wait == nil || *step.Change.Wait
	}
	if err == nil && len(spec) > 0 {
		err = p.patch(ctx, spec)
	}
	if err == nil && wait {
		err = p.Cluster.WaitReady(ctx, p.network, limit)
	}
	if err != nil {
		return err
	}
	return p.count(ctx)
}

// group finds a group in a copy of those of the spec.
func group(network *v1.BitcoinNetwork, name string) ([]v1.Group, *v1.Group, error) {
	groups := network.DeepCopy().Spec.Groups
	i := slices.IndexFunc(groups, func(g v1.Group) bool { return g.Name == name })
	if i < 0 {
		names := make([]string, len(groups))
		for i, g := range groups {
			names[i] = g.Name
		}
		return nil, nil, fmt.Errorf("the network %s has no group %s, but %q", network.Name, name, names)
	}
	return groups, &groups[i], nil
}

// maxNodes is the largest network.
const maxNodes = 500

func scaled(network *v1.BitcoinNetwork, s *scenario.Scale, spec map[string]any) error {
	if *s.Nodes < 0 || *s.Nodes > maxNodes {
		return fmt.Errorf("%d is not a number of nodes from 0 to %d", *s.Nodes, maxNodes)
	}
	if s.Group == "" {
		spec["nodes"] = *s.Nodes
		return nil
	}
	groups, g, err := group(network, s.Group)
	if err != nil {
		return err
	}
	g.Nodes = int32(*s.Nodes)
	spec["groups"] = groups
	return nil
}

func changed(network *v1.BitcoinNetwork, c *scenario.Change, spec map[string]any) error {
	if c.Group != "" {
		groups, g, err := group(network, c.Group)
		if err != nil {
			return err
		}
		if c.Image != "" {
			g.Image = c.Image
		}
		for key, value := range c.Config {
			if g.Config == nil {
				g.Config = v1.Config{}
			}
			g.Config[key] = v1.ConfigValue(value)
			if value == "" {
				delete(g.Config, key)
			}
		}
		spec["groups"] = groups
		return nil
	}
	if c.Image != "" {
		spec["image"] = c.Image
	}
	options := map[string]any{}
	for key, value := range c.Config {
		options[key] = string(value)
		if value == "" {
			options[key] = nil // removes it
		}
	}
	if len(options) > 0 {
		spec["config"] = options
	}
	return nil
}
