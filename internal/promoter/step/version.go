package step

import (
	"context"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// VersionResult is a version with what it was derived from.
type VersionResult struct {
	// For is the chart, where there are several.
	For string `json:"chart,omitempty"`
	version.Version
	Tag     string   `json:"tag,omitempty"`
	BaseTag string   `json:"baseTag,omitempty"`
	CI      ci.Build `json:"ci"`

	// program is the version of the program, which differs where the chart has a version of its own. Images and other files of a build
	// are named by it.
	program version.Version
}

// Version derives the version of the commit in the source repository. Errors: ErrLowered, and those of version.Derive and gitrepo.Facts.
func Version(ctx context.Context, p *Project) (*VersionResult, error) {
	res := &VersionResult{For: p.Config.Chart.Name, CI: p.build()}
	if !p.hasNoProgram() {
		var err error
		if res, err = programVersion(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := p.chartVersion(ctx, res); err != nil {
		return nil, err
	}
	return res, p.checkLowered(ctx, res)
}

// programVersion derives the version of the program, which is what a stage builds: the same for all charts that share the build.
func programVersion(ctx context.Context, p *Project) (*VersionResult, error) {
	facts, err := p.facts(ctx, p.Config.Version.Tags())
	if err != nil {
		return nil, err
	}
	if p.DryRun && facts.Dirty {
		// Only the configuration is read from the work tree, so that a change of it can be tried before it is committed.
		p.line("the working tree has uncommitted changes: this is what commit %.7s gives with the configuration as it is now", facts.Commit)
		facts.Dirty = false
	}
	if p.Config.Chart.Version == nil {
		if err := p.scope(ctx, &facts); err != nil {
			return nil, err
		}
	}
	v, err := version.Derive(facts, p.Config.Version.Scheme)
	if err != nil {
		return nil, err
	}
	if facts.Tag != "" && !facts.Tags.IsVersion(facts.Tag) && !p.isTagOfChart(facts.Tag) {
		p.line("tag %s is no version, so this is a development build: %s", facts.Tag, facts.Tags.Reason(facts.Tag))
	}
	if facts.Unconfirmed != "" {
		p.line("warning: this clone has no version tag, and the tags of its remote cannot be read, so the version assumes that nothing is released: %s", facts.Unconfirmed)
	}
	return &VersionResult{For: p.Config.Chart.Name, Version: v, Tag: facts.Tag, BaseTag: facts.BaseTag, CI: p.build(), program: v}, nil
}

// isTagOfChart reports whether a tag is a version of any of the charts.
func (p *Project) isTagOfChart(tag string) bool {
	return slices.ContainsFunc(p.Config.Whole().PerChart(), func(c *config.Config) bool { return c.ChartTags().IsVersion(tag) })
}

func (v *VersionResult) kind() string {
	switch {
	case v.Release:
		return "a release"
	case v.Prerelease:
		return "a prerelease"
	}
	return "a development build"
}

type versionStep struct{ stage string }

func (versionStep) Name() string      { return "version" }
func (s versionStep) Stage() string   { return s.stage }
func (versionStep) Does() string      { return "derive the versions of this commit" }
func (versionStep) Command() []string { return []string{"version"} }
func (versionStep) Skip(*State) *Skip { return nil }

func (versionStep) Inputs(v *VersionResult) map[string]string {
	engine := v.CI.Engine
	if engine == "" {
		engine = "none"
	}
	return withoutEmpty(map[string]string{"engine": engine, "commit": v.Commit, "tag": v.Tag, "after": v.BaseTag})
}

func (versionStep) Run(ctx context.Context, s *State) (string, error) {
	var err error
	if s.Version, err = Version(ctx, s.Project); err != nil {
		return "", err
	}
	v := s.Version
	return fmt.Sprintf("chart %s, image tag %s, commit %.12s, %s", v.Chart, v.ImageTag, v.Commit, v.kind()), nil
}

func (versionStep) Requirements() []Requirement {
	return []Requirement{gitProgram(), diskSpace("build, verify")}
}
