package step

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

// tryOut is the part of Verify that needs a cluster. Afterwards the cluster is gone in any case; after a failure its logs are in the
// work directory.
func (p *Project) tryOut(ctx context.Context, stage *config.Stage, c *candidate.Candidate, o VerifyOptions, res *VerifyResult) (_ *testrun.Report, err error) {
	v := stage.Verify
	logs := p.Work.File(testenv.LogsDir)
	if o.Early == nil {
		if _, err = p.Work.Clear(testenv.LogsDir); err != nil {
			return nil, err
		}
	}
	// Before a cluster is created, so that a fault of the repository is found at once.
	old, err := p.previous(ctx, v.UpgradeFrom, c)
	if err != nil {
		return nil, err
	}
	release := cluster.Release{Name: v.Install.Release, Namespace: v.Install.Namespace, Values: c.InstallValues(), Timeout: v.Install.Timeout.Or(5 * time.Minute)}
	where, cleanup, err := p.clusterOf(stage, o.Options)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	source := p.prepare(ctx, v.Test, c)
	defer func() { err = source.end(err) }()
	env, err := p.Environments(stage).Open(ctx, release, where, logs)
	if err != nil {
		return nil, err
	}
	res.Cluster = env.ClusterName()
	ctx, stop := env.Context(ctx)
	defer stop()
	defer func() {
		err = env.Lost(source.end(err))
		// An interrupted run is to end, without its logs.
		if err != nil && ctx.Err() == nil {
			env.Export(ctx, logs)
		}
		if cerr := env.Close(ctx); err == nil {
			err = cerr
		}
	}()
	if err = source.failed(); err != nil {
		return nil, err
	}
	if err = p.load(ctx, env, v, c, old); err != nil {
		return nil, err
	}
	if o.loaded != nil {
		o.loaded()
	}
	if old != nil {
		res.UpgradedFrom = old.version
	}
	res.Helm = v.Helm
	t := trial{p, env, env.Release(), c, old, source}
	result, err := t.run(ctx, v)
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

// load brings the images to the nodes.
func (p *Project) load(ctx context.Context, env *testenv.Environment, v *config.Verify, c *candidate.Candidate, old *previous) error {
	var earlier []string
	if old != nil {
		// Optional: a node that can pull finds the image by itself; where it cannot, the chart's installation reports it.
		earlier = refs(old.images)
	}
	return env.LoadWith(ctx, earlier, slices.Concat(v.Cluster.Preload, refs(c.Images))...)
}

func refs(images []candidate.Image) []string {
	list := make([]string, len(images))
	for i, img := range images {
		list[i] = img.Ref()
	}
	return list
}

// run installs the candidate in every way that its users would, and tests it with each major.
func (t trial) run(ctx context.Context, v *config.Verify) (*testrun.Report, error) {
	newest := helm.Major(v.Newest())
	older, err := t.live(ctx, lifecycle(helm.Majors(v.Helm), t.old != nil, v.TestsRollback()))
	if err != nil {
		return older, err
	}
	for i, img := range t.c.Images {
		// The first image is the program's; others may run only later, in jobs or in what the program creates.
		if err := t.env.CheckImage(ctx, t.release.Namespace, img.Repository, img.Digest, i == 0); err != nil {
			return nil, err
		}
	}
	result, err := t.test(ctx, v, t.env.Helm(newest))
	result = withOlder(older, result, newest, v.Test != nil)
	if err != nil {
		return result, err
	}
	return result, t.further(ctx, newest, result)
}

// test runs the configured command in the candidate's source, or the chart's own tests when there is none.
func (t trial) test(ctx context.Context, v *config.Verify, client cluster.Helm) (*testrun.Report, error) {
	if v.Test == nil {
		return t.tests().Helm(ctx, client, t.release)
	}
	dir, err := t.source.wait()
	if err != nil {
		return nil, err
	}
	return t.tests().Command(ctx, v.Test.Command, dir, append(testEnv(t.c),
		"KUBECONFIG="+client.Kubeconfig, "RELEASE_NAME="+t.release.Name, "RELEASE_NAMESPACE="+t.release.Namespace,
		fmt.Sprintf("HELM_MAJOR=%d", client.Major),
	))
}
