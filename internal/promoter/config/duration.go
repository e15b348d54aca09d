package config

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time.Duration that is written as 90s, 5m or 1h30m. Zero stands for the default.
type Duration time.Duration

// UnmarshalYAML parses 90s, 5m or 1h30m.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is not a duration; write 90s or 5m", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// Or is the duration, or a default when it is not set.
func (d Duration) Or(def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return time.Duration(d)
}
