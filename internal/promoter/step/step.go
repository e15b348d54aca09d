// Package step is the way of a commit through the stages: Steps is the list of the steps, in order. Each step is a thin function over
// the packages for one task each (version, image, candidate, testenv, testrun, policy, publish).
package step

import (
	"context"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
)

// Step is one thing that happens to a commit. `run`, `explain` and `doctor` iterate over the steps.
type Step interface {
	// Name is the name of the command that runs this step alone.
	Name() string
	// Stage is the name of the stage that the step belongs to.
	Stage() string
	// Does describes the step in one line.
	Does() string
	// Command is the command line with which CI runs the step, without the program.
	Command() []string
	// Inputs are what the step works with for a version, by name.
	Inputs(v *VersionResult) map[string]string
	// Skip returns why the step has nothing to do, nil if it runs. It decides on the version and on the results of earlier steps.
	Skip(s *State) *Skip
	// Run runs the step, adds its result to the state and returns it as one line.
	Run(ctx context.Context, s *State) (result string, err error)
	// Requirements are what the step needs of this machine and of the outside world.
	Requirements() []Requirement
}

// State is what a run knows: its options, and the results of the steps so far.
type State struct {
	*Project
	Options Options
	RunResult
	// early is the cluster of the first stage that tests, nil before it is begun.
	early *testenv.Early
	// Planned is a state without a run: no step has a result, and none is missing.
	Planned bool
}

// Steps are the steps of a pipeline, in order.
func Steps(c *config.Config) []Step {
	steps := []Step{versionStep{c.Stages[0].Name}}
	if b := c.Builder(); b != nil {
		steps = append(steps, buildStep{b})
	}
	if t := c.Tester(); t != nil {
		steps = append(steps, bumpStep{c, t})
	}
	return append(steps, afterBump(c)...)
}

// afterBump are the steps that test and publish, in the order of their stages. A stage that publishes comes after those whose
// attestations it requires.
func afterBump(c *config.Config) (steps []Step) {
	tested := map[string]bool{}
	var waiting []*config.Stage
	for i := range c.Stages {
		s := &c.Stages[i]
		if s.Verify != nil {
			steps = append(steps, verifyStep{s})
			tested[s.Name] = true
		}
		if s.Publish != nil {
			waiting = append(waiting, s)
		}
		waiting = slices.DeleteFunc(waiting, func(p *config.Stage) bool {
			if slices.ContainsFunc(p.Guards.Verifiers(), func(by string) bool { return !tested[by] }) {
				return false
			}
			steps = append(steps, promoteStep{c, p})
			return true
		})
	}
	return steps
}

func withoutEmpty(m map[string]string) map[string]string {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	return m
}
