package step

import (
	"context"
	"errors"
)

// Explained is one step that would run, with its inputs.
type Explained struct {
	Stage   string   `json:"stage"`
	Step    string   `json:"step"`
	Does    string   `json:"does"`
	Command []string `json:"command"`
	// Chart is set where there are several.
	Chart string `json:"chart,omitempty"`
	// Inputs are what the step works with, by name.
	Inputs map[string]string `json:"inputs,omitempty"`
	// Skipped is why the step does not run in this build.
	Skipped string `json:"skipped,omitempty"`
}

// Explain lists each step that this build would run, and runs none.
func Explain(ctx context.Context, p *Project) ([]Explained, error) {
	plan := *p
	plan.DryRun = true // an explanation may be of a configuration that is not committed yet
	v, err := Version(ctx, &plan)
	if err != nil {
		return nil, err
	}
	var skip *Skip
	if err := p.authorize(ctx, "push nothing", v.Commit); err != nil && !errors.As(err, &skip) {
		p.line("in this build, steps that push end with an error: %v", err)
	}
	s := &State{Project: p, RunResult: RunResult{Version: v}, Planned: true}
	var list []Explained
	for _, step := range Steps(p.Config) {
		command := append([]string{"chart-promoter"}, step.Command()...)
		if name := p.Config.Chart.Name; name != "" {
			command = append(command, "--chart", name)
		}
		e := Explained{
			Chart: p.Config.Chart.Name,
			Stage: step.Stage(), Step: step.Name(), Does: step.Does(), Command: command, Inputs: step.Inputs(v),
		}
		if skip := step.Skip(s); skip != nil {
			e.Skipped = skip.Why
		}
		list = append(list, e)
	}
	return list, nil
}
