package step

import (
	"os"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/stages"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Project is what all steps and commands work with.
type Project struct {
	Config *config.Config
	// Dir is a directory of the source repository.
	Dir string
	// Work is the directory in which one step leaves files for the next.
	Work   workdir.Dir
	Env    func(string) string
	Report report.Reporter
	// DryRun computes and changes nothing outside Work.
	DryRun bool
	Now    func() time.Time
	// Access is how registries are reached.
	Access image.Access
	// pushHost is the git host that the running command pushes to, if it is one.
	pushHost string
	// read is nil where the command may change the source repository.
	read *reading
	// whole is the work directory of all charts, empty for one chart.
	whole workdir.Dir
	// Lease limits how long runs wait for each other in an existing cluster.
	Lease cluster.LeaseTimes
	// mayBegin is called by a build when other steps may begin beside it: after its unit tests, or at once if it runs none; nil is nothing.
	mayBegin func()
	// shared is the build that several charts share, nil for a project that builds for itself.
	shared *sharedBuild
}

// Keys are the keys of the configuration.
func (p *Project) Keys() policy.Keys { return policy.Keys{Config: p.Config, Env: p.Env} }

// Stages are what the stages hold.
func (p *Project) Stages() stages.Stages {
	return stages.Stages{Config: p.Config, Work: p.Work, Report: p.Report, Env: p.Env, Git: p.Git(), Insecure: p.Access.Insecure, DryRun: p.DryRun, Now: p.Now}
}

// Environments open test environments of a stage that tests.
func (p *Project) Environments(stage *config.Stage) testenv.Provider {
	return testenv.Provider{
		Config: p.Config, Work: p.Work, Whole: p.wholeWork(), Report: p.Report, Access: p.Access, Stage: stage, CIRun: p.build().Run, Lease: p.Lease,
	}
}

func (p *Project) candidates() candidate.Repository { return p.candidatesOf(p.Config.Tester()) }

// candidatesOf is the candidates' repository for the tests of a stage, nil if none tests.
func (p *Project) candidatesOf(stage *config.Stage) candidate.Repository {
	return candidate.Repository{Config: p.Config, Source: p.Dir, Work: p.Work, Report: p.Report, Git: p.Git(), Env: testrun.SecretsOf(p.Config).Withhold(os.Environ()), Dependencies: p.dependencies(), KubeVersion: kubeVersion(stage), Stage: stage}
}

// kubeVersion is the version of Kubernetes that the tests of a stage are for.
func kubeVersion(t *config.Stage) string {
	switch {
	case t == nil:
		return cluster.ImageVersion("")
	case t.Verify.Kubernetes.Version != "":
		return t.Verify.Kubernetes.Version
	}
	return cluster.ImageVersion(t.Verify.Cluster.NodeImage)
}

func (p *Project) tests() testrun.Runner {
	return testrun.Runner{Work: p.Work, Report: p.Report, Secrets: testrun.SecretsOf(p.Config)}
}

// wholeWork is the work directory of all charts.
func (p *Project) wholeWork() workdir.Dir {
	if p.whole != "" {
		return p.whole
	}
	return p.Work
}

func (p *Project) build() ci.Build { return ci.Detect(p.Env) }

func (p *Project) line(format string, args ...any) { report.Linef(p.Report, format, args...) }

// repositoryAddress is an address without a user or a password in it.
func repositoryAddress(raw string) string {
	scheme, _, rest := gitrepo.SplitUser(raw)
	return scheme + rest
}
