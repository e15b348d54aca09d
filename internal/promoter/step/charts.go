package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/change"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Selection chooses charts of a configuration with several.
type Selection struct {
	// Names are the charts' names; none selects those that are changed.
	Names []string
	// All selects all charts.
	All bool
	// Since is what the charts are compared with, see change.Charts.
	Since string
	// Candidates selects also the charts whose version is in Chart.yaml and is higher than that of their last candidate: no later commit
	// would bring it, if the build of the commit that set it has failed or was skipped.
	Candidates bool
}

// PerChart returns a project for each chart of a configuration with several, with a directory of its own in the work directory; the
// project itself for one chart.
func (p *Project) PerChart() []*Project {
	if len(p.Config.Charts) == 0 {
		return []*Project{p}
	}
	var list []*Project
	shared := &sharedBuild{}
	for _, c := range p.Config.PerChart() {
		one := *p
		one.Config, one.Work, one.whole = c, workdir.Dir(p.Work.File(c.Chart.Name)), p.Work
		if c.SharesBuild() {
			one.shared = shared
		}
		list = append(list, &one)
	}
	return list
}

// Select returns the projects of the selected charts. Errors: failure.ErrInput for a name that does not exist, and those of
// change.Charts.
func (p *Project) Select(ctx context.Context, s Selection) ([]*Project, error) {
	all := p.PerChart()
	if err := p.checkSelection(s); err != nil {
		return nil, err
	}
	switch {
	case len(s.Names) > 0:
		return slices.DeleteFunc(all, func(one *Project) bool { return !slices.Contains(s.Names, one.Config.Label()) }), nil
	case s.All, len(p.Config.Charts) == 0:
		return all, nil
	}
	changed, err := p.Changed(ctx, s.Since)
	if err != nil {
		return nil, err
	}
	isChanged := func(one *Project) bool {
		return slices.ContainsFunc(changed, func(c change.Chart) bool { return c.Name == one.Config.Label() })
	}
	missing := map[string]bool{}
	if s.Candidates && s.Since == "" {
		if missing, err = p.lackCandidates(ctx, slices.DeleteFunc(slices.Clone(all), isChanged)); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(one *Project) bool { return !isChanged(one) && !missing[one.Config.Label()] }), nil
}

// lackCandidates are the names of those of the projects whose version, that of Chart.yaml, is higher than that of their last candidate;
// none where the candidates cannot be read, as a build without changes must not fail for that. A later build takes such a chart.
func (p *Project) lackCandidates(ctx context.Context, projects []*Project) (map[string]bool, error) {
	missing := map[string]bool{}
	projects = slices.DeleteFunc(projects, func(one *Project) bool { return !one.VersionIsInFile() || one.Config.Tester() == nil })
	build := p.build()
	// A build of a tag is that of its chart alone, and one of a pull request creates no candidate.
	if len(projects) == 0 || build.Tag != "" || !build.MayPush() {
		return missing, nil
	}
	var paths []string
	for _, one := range projects {
		paths = append(paths, one.Config.Tester().Candidate.Path)
	}
	last, err := p.pushingTo(p.Config.Tester().Candidate.Git).candidates().LastVersions(ctx, paths...)
	if err != nil && ctx.Err() == nil && (failure.Of(err) == failure.External || errors.Is(err, gitrepo.ErrNoBranch)) {
		p.line("the candidates cannot be read, so only changed charts are selected: %v", err)
		return missing, nil
	}
	if err != nil {
		return nil, err
	}
	for i, one := range projects {
		m, err := one.metadataAt(ctx, "HEAD")
		if err != nil {
			return nil, err
		}
		// A lower one is that of an older commit, which is built again or by a slow job.
		if version.Compare(m.Version, last[i]) > 0 {
			missing[one.Config.Label()] = true
			p.line("chart %s has version %s, which has no candidate yet", one.Config.Label(), m.Version)
		}
	}
	return missing, nil
}

func (p *Project) checkSelection(s Selection) error {
	if s.All && len(s.Names) > 0 {
		return fmt.Errorf("%w: --all excludes --chart; omit one of them", failure.ErrInput)
	}
	var names []string
	for _, c := range p.Config.PerChart() {
		names = append(names, c.Label())
	}
	for _, n := range s.Names {
		if !slices.Contains(names, n) {
			return fmt.Errorf("%w: the configuration has no chart %q; choose one of %s", failure.ErrInput, n, strings.Join(names, ", "))
		}
	}
	return nil
}

// Changed returns the charts that this commit changes.
func (p *Project) Changed(ctx context.Context, since string) ([]change.Chart, error) {
	charts, err := p.charts(ctx)
	if err != nil {
		return nil, err
	}
	return charts.Changed(ctx, p.build(), since)
}

// ListChanged is the result of Changed for a reader of JSON, an empty list in place of none.
func ListChanged(list []change.Chart) []change.Chart { return append([]change.Chart{}, list...) }

// SelectForVerify is Select for a checkout of the candidates' repository, whose last commit names the chart; without one, it is Select.
// A later stage tests the charts that the first one left a package of.
func (p *Project) SelectForVerify(ctx context.Context, s Selection, o VerifyOptions) ([]*Project, error) {
	if stage := p.Config.Stage(o.Stage); stage != nil && stage.Verify != nil && stage.Candidate == nil {
		return p.SelectForPromote(s, o.Package)
	}
	if o.Candidate != "" && len(s.Names) == 0 && !s.All && len(p.Config.Charts) > 0 {
		names, err := candidate.Charts(ctx, o.Candidate, p.Git())
		if err != nil {
			return nil, err
		}
		s.Names = names
	}
	return p.Select(ctx, s)
}

// SelectForApprove is SelectForPromote for an approval, which signs only what was selected: several charts are named, or all of them
// requested. Error: failure.ErrInput.
func (p *Project) SelectForApprove(s Selection, pkg string) ([]*Project, error) {
	charts, err := p.SelectForPromote(s, pkg)
	if err != nil || s.All || len(s.Names) > 0 || len(charts) < 2 {
		return charts, err
	}
	var names []string
	for _, one := range charts {
		names = append(names, one.Config.Label())
	}
	return nil, fmt.Errorf("%w: verify left packages of several charts, %s; select those to approve with --chart NAME, or all of them with --all", failure.ErrInput, strings.Join(names, ", "))
}

// SelectForPromote returns the projects of the charts that verify left a package of; a package that is named needs the name of its chart. Error: failure.ErrInput if there is none.
func (p *Project) SelectForPromote(s Selection, pkg string) ([]*Project, error) {
	if err := p.checkSelection(s); err != nil {
		return nil, err
	}
	all := p.PerChart()
	if len(p.Config.Charts) == 0 {
		return all, nil
	}
	if pkg != "" && len(s.Names) != 1 {
		return nil, fmt.Errorf("%w: --package is of one chart; select it with --chart", failure.ErrInput)
	}
	tested := slices.DeleteFunc(all, func(one *Project) bool {
		return len(s.Names) > 0 && !slices.Contains(s.Names, one.Config.Label()) || len(s.Names) == 0 && !verified.Exists(one.Work)
	})
	if len(tested) == 0 {
		if skip := p.untrusted("do not publish"); skip != nil {
			return nil, skip // verify signs nothing in such a build
		}
		return nil, fmt.Errorf("%w: %s has no verified package of any chart; run verify first, or name a package with --chart and --package", failure.ErrInput, p.Work)
	}
	return tested, nil
}
