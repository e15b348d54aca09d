package config

import "fmt"

// After is a command that changes a candidate's chart after its fields are set, such as helm-docs, which writes the chart's README.
type After struct {
	// Command is the program and its arguments, without a shell. Required. It runs in a copy of the chart, and its changes of files go
	// into the candidate.
	Command []string `yaml:"command"`
	// Env is added to the environment of the command, from which credentials are removed. Default: none.
	Env map[string]string `yaml:"env"`
	// Timeout after which the command and all that it started end. Default: 5m.
	Timeout Duration `yaml:"timeout"`
}

func (c *Chart) validateAfter() error {
	for i, a := range c.After {
		if len(a.Command) == 0 || a.Command[0] == "" {
			return fmt.Errorf("chart.after[%d]: no command is set", i)
		}
	}
	return nil
}
