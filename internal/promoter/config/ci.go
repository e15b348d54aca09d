package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CI is what the files of the CI engines do besides calling the steps.
type CI struct {
	// Tool is where CI gets chart-promoter from: a package of the source repository, such as ./cmd/chart-promoter, or
	// PACKAGE@VERSION of another module, which CI installs with `go install`. A version of chart-promoter's own module is cloned
	// and built instead. Default: the latest release of chart-promoter, or its main branch while it has none.
	Tool string `yaml:"tool"`
	// Go is the version of Go in CI, such as 1.26. Default: the latest.
	Go string `yaml:"go"`
	// Checks are shell commands that the building stage runs before anything else. Default: none.
	Checks []string `yaml:"checks"`
	// Prepare prepares the machine for the candidate's tests; what the tests themselves need is for verify.test.prepare. Default: nothing.
	Prepare *Prepare `yaml:"prepare"`
	// Env is the environment of the candidate's tests. A value must not contain white space or characters that are special to a
	// shell. Default: none.
	Env map[string]string `yaml:"env"`
	// Variables are the names of variables in the settings of the engine that builds and tests need, such as the address of a mirror.
	// They are no secrets. The files for GitHub hand them on from `vars`; GitLab and Travis give all jobs the variables of their settings.
	// Default: none.
	Variables []string `yaml:"variables"`
}

// Prepare is a script of the source repository that prints variables to set, in the shell's syntax.
type Prepare struct {
	// Command is the script. Required.
	Command string `yaml:"command"`
	// Variables are the names of the variables that the script prints. Default: none.
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
	names := slices.Clone(c.Variables)
	if c.Prepare != nil {
		names = append(names, c.Prepare.Variables...)
		if c.Prepare.Command == "" {
			return fmt.Errorf("ci.prepare: no command is set")
		}
	}
	for name, value := range c.Env {
		if slices.Contains(c.Variables, name) {
			return fmt.Errorf("ci: %s is in env and in variables; set it in one of them", name)
		}
		names = append(names, name)
		// Travis splits the text after a name like a shell.
		if strings.ContainsAny(value, " \t\n'\"$`\\&|;<>()") {
			return fmt.Errorf("ci.env: the value %[2]q of %[1]s contains characters that a shell interprets; use a value without them", name, value)
		}
	}
	for _, name := range names {
		if !envName.MatchString(name) {
			return fmt.Errorf("ci: %q is not a valid variable name; use letters, digits and underscores", name)
		}
	}
	return nil
}
