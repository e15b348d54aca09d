// Package stages is what the stages of a pipeline hold: candidates and published versions, with the pages that show them.
package stages

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Stages are the stages of a configuration.
type Stages struct {
	Config *config.Config
	Work   workdir.Dir
	Report report.Reporter
	Env    func(string) string
	Git    gitrepo.Options
	// Insecure registries are used over plain HTTP.
	Insecure bool
	// DryRun changes nothing.
	DryRun bool
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

func (s Stages) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s Stages) keys() policy.Keys { return policy.Keys{Config: s.Config, Env: s.Env} }

// Publisher is the publishing stage of a name, the first for an empty name. Errors: config.ErrInvalid, failure.ErrInput.
func (s Stages) Publisher(name string) (*config.Stage, error) {
	list := s.Config.Publishers()
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no stage publishes; add one with publish", config.ErrInvalid)
	}
	if name == "" {
		return list[0], nil
	}
	for _, st := range list {
		if st.Name == name {
			return st, nil
		}
	}
	return nil, fmt.Errorf("%w: there is no publishing stage %q; choose one of the configuration", failure.ErrInput, name)
}

// Target opens the chart repository of a publishing stage.
func (s Stages) Target(stage *config.Stage) (publish.Target, error) {
	p := stage.Publish
	opts := []publish.Option{publish.Env(s.Env), publish.Pushes(s.Config.Pushes()), publish.Git(s.Git)}
	if s.Insecure {
		opts = append(opts, publish.Insecure())
	}
	cfg := publish.Config{Git: p.Git, Branch: p.Branch, Path: p.Path, Directory: s.Config.Path(p.Directory), OCI: p.OCI, URL: p.URL}
	if p.PullRequest != nil {
		cfg.Head = func(message string) string { return proposedBranch(p.PullRequest, message) }
	}
	if p.Page {
		cfg.Page = s.landingPage(p)
	}
	return publish.Open(cfg, opts...)
}

// proposedBranch is the branch of the pull request of a change, such as chart-promoter/publish-hello-1.0.0: each version has its own.
func proposedBranch(p *config.PullRequest, message string) string {
	subject, _, _ := strings.Cut(message, "\n")
	return p.BranchPrefix() + strings.Trim(notInBranch.ReplaceAllString(strings.ToLower(subject), "-"), "-.")
}

var notInBranch = regexp.MustCompile(`[^a-z0-9._-]+|\.\.+`)

// Yanked is a version that was withdrawn.
type Yanked struct {
	Stage   string         `json:"stage"`
	Chart   string         `json:"chart"`
	Version string         `json:"version"`
	Result  publish.Result `json:"result"`
}

// Yank removes a version from a stage's index. In git or a directory its package stays, so that no other content ever gets the
// version. Error: publish.ErrNone.
func (s Stages) Yank(ctx context.Context, stageName, chart, version string) (*Yanked, error) {
	stage, err := s.Publisher(stageName)
	if err != nil {
		return nil, err
	}
	target, err := s.Target(stage)
	if err != nil {
		return nil, err
	}
	res := &Yanked{Stage: stage.Name, Chart: chart, Version: version}
	_, found, err := target.Lookup(ctx, chart, version)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%s has no %s %s: %w", stage.Name, chart, version, publish.ErrNone)
	}
	if s.DryRun {
		return res, nil
	}
	if res.Result, err = target.Yank(ctx, chart, version); err != nil {
		return res, err
	}
	s.ReportResult(res.Result)
	return res, s.WriteStatusPage(ctx, stage, target)
}
