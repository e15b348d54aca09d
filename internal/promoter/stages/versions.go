package stages

import (
	"context"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// openCandidates clones the candidates' repository; done removes the clone.
func (s Stages) openCandidates(ctx context.Context, t *config.Stage) (r *gitrepo.Repo, done func(), err error) {
	dir, err := os.MkdirTemp("", "status-*")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	r, err = gitrepo.Clone(ctx, t.Candidate.Git, filepath.Join(dir, "qa"), gitrepo.CloneOptions{Branch: t.Candidate.Branch, NoFiles: true, Options: s.Git})
	if err != nil {
		done()
		return nil, nil, err
	}
	return r, done, nil
}

// candidatesIn are the versions in the history of the candidates' repository.
func candidatesIn(ctx context.Context, r *gitrepo.Repo, t *config.Stage, limit int) ([]Version, error) {
	if _, err := r.Head(ctx); err != nil {
		return nil, nil
	}
	chartFile := filepath.ToSlash(filepath.Join(t.Candidate.Path, "Chart.yaml"))
	log, err := r.Log(ctx, "HEAD", limit, chartFile)
	if err != nil {
		return nil, err
	}
	var list []Version
	for _, e := range log {
		data, err := r.File(ctx, e.Hash, chartFile)
		if err != nil {
			continue
		}
		var c struct{ Name, Version, AppVersion string }
		if err := yaml.Unmarshal(data, &c); err != nil {
			continue
		}
		list = append(list, Version{Stage: t.Name, Chart: c.Name, Version: c.Version, AppVersion: c.AppVersion, Since: e.When, Commit: candidate.SourceAt(ctx, r, e, t.Candidate.Path)})
	}
	return list, nil
}

// published are the versions of these charts, of all if none is named, in the chart repository of a stage.
func (s Stages) published(ctx context.Context, p *config.Stage, charts []string, limit int) ([]Version, error) {
	target, err := s.Target(p)
	if err != nil {
		return nil, err
	}
	entries, err := target.Newest(ctx, limit, charts...)
	if err != nil {
		return nil, err
	}
	versions := map[string][]string{}
	for _, e := range entries {
		versions[e.Name] = append(versions[e.Name], e.Version)
	}
	envelopes, err := target.AttestationsOf(ctx, versions)
	if err != nil {
		return nil, err
	}
	var list []Version
	for _, e := range entries {
		list = append(list, Version{
			Stage: p.Name, Chart: e.Name, Version: e.Version, AppVersion: e.AppVersion, Digest: e.Digest, Since: e.Created, envelopes: envelopes[e.Name][e.Version],
		})
	}
	return list, nil
}
