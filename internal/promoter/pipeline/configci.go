package pipeline

import (
	"fmt"
	"regexp"
	"strings"
)

// CI is what the files of the CI engines do besides calling the steps.
type CI struct {
	// Tool is how CI comes by chart-promoter: a package of the source repository, ./cmd/chart-promoter, or one of another
	// module with its version, as `go install` takes it. When it is missing: the latest.
	Tool string `yaml:"tool"`
	// Go is the version of Go there, such as 1.26. When it is missing: the latest.
	Go string `yaml:"go"`
	// Checks are commands that DEV runs before anything else.
	Checks []string `yaml:"checks"`
	// Prepare makes the machine ready for the candidate's tests.
	Prepare *Prepare `yaml:"prepare"`
	// Env is set for the candidate's tests.
	Env map[string]string `yaml:"env"`
}

// Prepare is a script of the source repository that prints what to set, in the shell's syntax.
type Prepare struct {
	Command string `yaml:"command"`
	// Variables are those that it sets.
	Variables []string `yaml:"variables"`
}

var (
	toolName  = regexp.MustCompile(`^(\./[A-Za-z0-9._/-]+|[A-Za-z0-9.-]+(/[A-Za-z0-9._~-]+)+@[A-Za-z0-9._+-]+)$`)
	goVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	envName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (c *CI) validate() error {
	if c.Tool != "" && !toolName.MatchString(c.Tool) {
		return fmt.Errorf("ci.tool %q: use a package of this repository, such as ./cmd/chart-promoter, or one with a version, as go install takes it", c.Tool)
	}
	if c.Go != "" && !goVersion.MatchString(c.Go) {
		return fmt.Errorf("ci.go %q: use a version such as 1.26", c.Go)
	}
	var names []string
	if c.Prepare != nil {
		names = append(names, c.Prepare.Variables...)
		if c.Prepare.Command == "" {
			return fmt.Errorf("ci.prepare: the command is missing")
		}
	}
	for name, value := range c.Env {
		names = append(names, name)
		// Travis splits what stands after a name like a shell.
		if strings.ContainsAny(value, " \t\n'\"$`\\&|;<>()") {
			return fmt.Errorf("ci.env: %s has a value that cannot stand in a script, %q", name, value)
		}
	}
	for _, name := range names {
		if !envName.MatchString(name) {
			return fmt.Errorf("ci: %q is no name of a variable", name)
		}
	}
	return nil
}
