package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

// tryOut is the part of Verify that needs a cluster. Afterwards the cluster is gone in any case; after a failure its logs are in the
// work directory.
func (p *Project) tryOut(ctx context.Context, stage *config.Stage, c *candidate.Candidate, o VerifyOptions, res *VerifyResult) (_ *testrun.Report, err error) {
	v := stage.Verify
	logs, err := p.Work.Clear("logs")
	if err != nil {
		return nil, err
	}
	// Before a cluster is created, so that a fault of the repository is found at once.
	old, err := p.previous(ctx, v.UpgradeFrom, c)
	if err != nil {
		return nil, err
	}
	release := cluster.Release{Name: v.Install.Release, Namespace: v.Install.Namespace, Values: v.Install.Values, Timeout: v.Install.Timeout.Or(5 * time.Minute)}
	where, cleanup, err := p.clusterOf(stage, o.Options)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	env, err := p.Environments(stage).Open(ctx, release, where, logs)
	if err != nil {
		return nil, err
	}
	res.Cluster = env.ClusterName()
	defer func() {
		// An interrupted run is to end, without its logs.
		if err != nil && ctx.Err() == nil {
			env.Export(logs)
		}
		if cerr := env.Close(ctx); err == nil {
			err = cerr
		}
	}()
	if res.UpgradedFrom, err = p.install(ctx, env, release, v, c, old); err != nil {
		return nil, err
	}
	result, err := p.test(ctx, v, c, env.Helm(), release)
	if werr := p.tests().WriteJUnit(junitFile(stage), result); err == nil {
		err = werr
	}
	if err == nil {
		p.line("tests: %s", result.Summary())
	}
	return result, err
}

// junitFile is the name of the report of a stage: junit.xml of the first one that tests.
func junitFile(stage *config.Stage) string {
	if stage.Candidate != nil {
		return "junit.xml"
	}
	return "junit-" + stage.Name + ".xml"
}

// install installs the previous package, if there is one, and then the candidate's; it returns the previous version.
func (p *Project) install(ctx context.Context, env *testenv.Environment, release cluster.Release, v *config.Verify, c *candidate.Candidate, old *previous) (string, error) {
	if err := env.Load(ctx, append(slices.Clone(v.Cluster.Preload), c.Image)...); err != nil {
		return "", err
	}
	from := ""
	if old != nil {
		from = old.version
		if err := p.installPrevious(ctx, old, env, release); err != nil {
			return "", err
		}
	}
	pkg := c.Package
	if _, err := env.Helm().Apply(ctx, pkg.Bytes, release); err != nil {
		return from, err
	}
	p.line("installed %s %s in namespace %s; it is ready", pkg.Name, pkg.Version, release.Namespace)
	return from, env.CheckImage(ctx, release.Namespace, c.ImageRepository, c.ImageDigest)
}

// installPrevious installs the package that the candidate is to upgrade.
func (p *Project) installPrevious(ctx context.Context, old *previous, env *testenv.Environment, release cluster.Release) error {
	if old.image != "" {
		// A node that can pull finds the image by itself; where it cannot, the chart's installation reports it.
		if err := env.Load(ctx, old.image); err != nil && !errors.Is(err, image.ErrNoImage) {
			return err
		}
	}
	if _, err := env.Helm().Apply(ctx, old.pkg, release); err != nil {
		return fmt.Errorf("install %s to upgrade from it: %w", old.version, err)
	}
	p.line("installed %s, the latest version below the candidate, to test the upgrade from it", old.version)
	return nil
}

// test runs the configured command in the candidate's source, or the chart's own tests when there is none.
func (p *Project) test(ctx context.Context, v *config.Verify, c *candidate.Candidate, helm cluster.Helm, r cluster.Release) (*testrun.Report, error) {
	if v.Test == nil {
		return p.tests().Helm(ctx, helm, r)
	}
	dir, _, err := p.exportSource(ctx, c.SourceDir, c.SourceCommit)
	if err != nil {
		return nil, err
	}
	return p.tests().Command(ctx, *v.Test, dir, []string{
		"KUBECONFIG=" + helm.Kubeconfig, "RELEASE_NAME=" + r.Name, "RELEASE_NAMESPACE=" + r.Namespace,
		"CHART_VERSION=" + c.Package.Version, "APP_VERSION=" + c.Package.AppVersion, "CANDIDATE_IMAGE=" + c.Image,
	})
}
