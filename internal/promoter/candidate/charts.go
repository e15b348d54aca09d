package candidate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// chartTrailer names the chart of a candidate where the repository has several.
const chartTrailer = "Chart"

// Charts are the names of the charts that the last commit of a checkout of the candidates' repository has candidates of: it names one in
// its message, or it is a merge of such commits. Errors: ErrNoSource, gitrepo.ErrShallow.
func Charts(ctx context.Context, dir string, git gitrepo.Options) ([]string, error) {
	repo, err := gitrepo.Open(ctx, dir, git)
	if err != nil {
		return nil, err
	}
	log, err := repo.Log(ctx, "HEAD", 1)
	if err != nil {
		return nil, err
	}
	for _, e := range log {
		if name := trailer(e.Body, chartTrailer); name != "" {
			return []string{name}, nil
		}
	}
	changed, err := repo.LastChanged(ctx, chart.TrailersDir)
	if errors.Is(err, gitrepo.ErrShallow) {
		return nil, fmt.Errorf("%w: the last commit of %s names no chart, and may be a merge; clone two commits, such as with git fetch --depth=2, or select the chart with --chart: %w", ErrNoSource, dir, err)
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range changed {
		data, err := repo.File(ctx, "HEAD", file)
		if err != nil {
			return nil, err
		}
		if name := trailer(string(data), chartTrailer); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: the last commit of %s is no candidate of one of the charts; select the chart with --chart", ErrNoSource, dir)
	}
	return names, nil
}
