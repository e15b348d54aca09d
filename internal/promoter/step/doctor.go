package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrMissing is the error of a machine that does not meet a requirement.
var ErrMissing = failure.New(failure.External, "this machine lacks a requirement")

// Requirement is something that a step needs.
type Requirement struct {
	// What is required, and For which commands.
	What, For string
	// Local requirements are about this machine, and hold for every kind of run; the others are about the outside world, which a run
	// that pushes nothing does not need.
	Local bool
	// NotNeeded reports whether a run with these options does without it; nil: never.
	NotNeeded func(Options) bool
	// Check returns what was found; an error is a problem.
	Check func(context.Context, *Project) (detail string, err error)
}

// Finding is one requirement that doctor checked.
type Finding struct {
	What string `json:"what"`
	// Problem is empty when the requirement is met.
	Problem string `json:"problem,omitempty"`
	// Detail is what was found.
	Detail string `json:"detail,omitempty"`
	// For are the commands that need it.
	For string `json:"for"`
}

// requirements are the requirements of all steps, each once.
func requirements(p *Project) []Requirement {
	var list []Requirement
	seen := map[string]bool{}
	for _, c := range p.Config.PerChart() {
		for _, step := range Steps(c) {
			for _, r := range step.Requirements() {
				if !seen[r.What] {
					seen[r.What], list = true, append(list, r)
				}
			}
		}
	}
	return list
}

// Doctor checks the requirements of all steps, and changes nothing.
func Doctor(ctx context.Context, p *Project) []Finding {
	var list []Finding
	for _, r := range requirements(p) {
		detail, err := r.Check(ctx, p)
		f := Finding{What: r.What, Detail: detail, For: r.For}
		if err != nil {
			// The detail describes a requirement that is met.
			f.Problem, f.Detail = err.Error(), ""
		}
		list = append(list, f)
	}
	return list
}

// Preflight is Doctor before a run: it finds a problem of a later step before the first step begins. Its error is that of the first
// problem, with its kind. A dry run and the build of a pull request or of a fork push nothing and need the tools only.
func Preflight(ctx context.Context, s *State) error {
	var skip *Skip
	if err := s.authorize(ctx, "push nothing", s.headOf(ctx, s.Dir)...); err != nil && !errors.As(err, &skip) {
		return err
	}
	if hosts := s.gitAccess().Ambiguous(); hosts != nil && !s.DryRun {
		return ambiguousToken(hosts)
	}
	for _, r := range requirements(s.Project) {
		if r.NotNeeded != nil && r.NotNeeded(s.Options) {
			continue
		}
		if !r.Local && (s.DryRun || !s.build().MayPush()) {
			continue
		}
		if _, err := r.Check(ctx, s.Project); err != nil {
			return fmt.Errorf("%s: %w", r.What, err)
		}
	}
	return nil
}
