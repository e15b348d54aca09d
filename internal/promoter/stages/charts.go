package stages

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Status lists the versions of each stage, candidates first, newest first; at most limit versions of each stage when positive, where
// there are several charts of each chart.
func (s Stages) Status(ctx context.Context, limit int) ([]Version, error) {
	whole := s.Config.Whole()
	if len(whole.Charts) == 0 {
		return s.status(ctx, limit)
	}
	// Each chart has a directory of its own in the work directory of all.
	work := string(s.Work)
	if s.Config != whole {
		work = filepath.Dir(work)
	}
	var all []Version
	for _, c := range whole.PerChart() {
		one := s
		one.Config, one.Work = c, workdir.Dir(filepath.Join(work, c.Chart.Name))
		list, err := one.status(ctx, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	order := map[string]int{}
	for i, st := range whole.Stages {
		order[st.Name] = i
	}
	slices.SortStableFunc(all, func(a, b Version) int { return order[a.Stage] - order[b.Stage] })
	return all, nil
}
