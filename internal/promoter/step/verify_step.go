package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

type verifyStep struct{ stage *config.Stage }

func (verifyStep) Name() string       { return "verify" }
func (step verifyStep) Stage() string { return step.stage.Name }

func (step verifyStep) Command() []string {
	if step.stage.Candidate == nil {
		return []string{"verify", "--stage", step.stage.Name}
	}
	return []string{"verify"}
}

func (step verifyStep) Does() string {
	return "install the packaged chart in a cluster with " + step.majors(" and ") + ", and run " + step.tests()
}

// majors are the names of the majors of Helm.
func (step verifyStep) majors(between string) string {
	var names []string
	for _, m := range helm.Majors(step.stage.Verify.Helm) {
		names = append(names, m.String())
	}
	return strings.Join(names, between)
}

func (step verifyStep) tests() string {
	if t := step.stage.Verify.Test; t != nil {
		return strings.Join(t.Command.Command, " ")
	}
	return "the chart's own tests"
}

func (step verifyStep) Inputs(v *VersionResult) map[string]string {
	c := step.stage.Verify
	var prepare []string
	if c.Test != nil {
		prepare = c.Test.Prepare
	}
	return withoutEmpty(map[string]string{
		"nodeImage": c.Cluster.NodeImage, "release": c.Install.Release, "namespace": c.Install.Namespace, "source": v.App, "upgradeFrom": c.UpgradeFrom,
		"helm": step.majors(", "), "prepare": strings.Join(prepare, " "),
		"package": map[bool]string{true: "that of the first testing stage"}[step.stage.Candidate == nil],
	})
}

func (step verifyStep) Skip(s *State) *Skip {
	switch {
	case s.Planned:
		return s.untrusted("do not push")
	case step.stage.Candidate == nil:
		return step.skipLater(s)
	case s.Bump == nil:
		return &Skip{NoCandidate, "no candidate was created"}
	case s.Bump.PullRequest != nil && s.Options.Verify.Candidate == "":
		return &Skip{Waiting, "the candidate waits in " + s.Bump.PullRequest.String()}
	case s.DryRun && s.Bump.Changed && s.Options.Verify.Candidate == "": // its commit went with the clone that a dry run makes
		return &Skip{DryRun, "a dry run pushes no candidate to package"}
	}
	return nil
}

// skipLater decides about a stage that tests what the first one left.
func (verifyStep) skipLater(s *State) *Skip {
	switch {
	case s.Verify == nil:
		return &Skip{NotTested, "no package was tested"}
	case s.DryRun:
		return &Skip{DryRun, "a dry run tests no package"}
	case s.Verify.Attestation == "":
		return &Skip{NotTested, "the package was not attested: " + s.Verify.Withheld}
	}
	return nil
}

func (step verifyStep) Run(ctx context.Context, s *State) (string, error) {
	o := s.Options.Verify
	o.Stage = step.stage.Name
	if step.stage.Candidate == nil {
		o.Candidate = ""
	} else {
		o.Early = s.early
		if o.Candidate == "" {
			o.Commit = s.Bump.Commit
		}
	}
	if step.stage.Verify.Cluster.IsExisting() { // the options of a run are for the stages that create a cluster
		o.Kubeconfig, o.ClusterName = "", ""
	}
	res, err := Verify(ctx, s.Project, o)
	if err != nil {
		return "", err
	}
	if step.stage.Candidate != nil {
		s.Verify = res
	} else {
		s.VerifiedLater = append(s.VerifiedLater, res)
	}
	return fmt.Sprintf("%d of %d tests passed with package sha256 %.12s…", res.Tests.Passed, res.Tests.Run, res.PackageDigest), nil
}

func (step verifyStep) Requirements() []Requirement {
	return []Requirement{
		step.cluster(),
		{
			What: "signing key of " + step.stage.Name, For: "verify",
			Check: func(_ context.Context, p *Project) (string, error) {
				_, err := p.Keys().Read(step.stage.Key)
				return "", err
			},
		},
	}
}

// cluster requires what the stage needs for its cluster.
func (step verifyStep) cluster() Requirement {
	if step.stage.Verify.Cluster.IsExisting() {
		return Requirement{What: "kubeconfig of " + step.stage.Name, For: "verify", Check: func(_ context.Context, p *Project) (string, error) {
			_, err := p.kubeconfig(step.stage)
			return "", err
		}}
	}
	return Requirement{
		What: "cluster engine", For: "verify",
		NotNeeded: func(o Options) bool { return o.Verify.Kubeconfig != "" },
		Check:     func(ctx context.Context, _ *Project) (string, error) { return "answers", cluster.Engine(ctx, nil) },
	}
}
