package step

import (
	"context"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// maxChanges is the number of commits that a candidate's annotation has at most.
const maxChanges = 100

// changes are the commits since the last release before this one, as the value of an annotation; empty if no field gets it.
func (p *Project) changes(ctx context.Context, commit string) (string, error) {
	if !p.Config.Chart.Fields.Sets(config.Changes) {
		return "", nil
	}
	r, err := p.source(ctx)
	if err != nil {
		return "", err
	}
	own, err := r.TagsAt(ctx, commit)
	if err != nil {
		return "", err
	}
	tags, err := r.TagsReachable(ctx, commit)
	if err != nil {
		return "", err
	}
	rng := commit
	if last := p.Config.ChartTags().Highest(slices.DeleteFunc(tags, func(t string) bool { return slices.Contains(own, t) })); last != "" {
		rng = "refs/tags/" + last + ".." + commit
	}
	paths, err := p.ChartPaths(ctx)
	if err != nil {
		return "", err
	}
	log, err := r.Log(ctx, rng, maxChanges, paths...)
	return candidate.ChangesText(log), err
}
