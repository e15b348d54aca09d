package stages

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// Status lists the versions of each stage, candidates first, newest first; at most limit versions of each stage and chart when positive.
// Each repository is read once, however many charts it has.
func (s Stages) Status(ctx context.Context, limit int) ([]Version, error) {
	whole := s.Config.Whole()
	charts, err := s.candidatesOfAll(ctx, whole, limit)
	if err != nil {
		return nil, err
	}
	for _, p := range whole.Publishers() {
		if err := s.addPublished(ctx, p, charts, limit); err != nil {
			return nil, fmt.Errorf("stage %s: %w", p.Name, err)
		}
	}
	var all []Version
	for _, c := range charts {
		all = append(all, c.finish()...)
	}
	order := map[string]int{}
	for i, st := range whole.Stages {
		order[st.Name] = i
	}
	slices.SortStableFunc(all, func(a, b Version) int { return order[a.Stage] - order[b.Stage] })
	return all, nil
}

// ofChart is what the stages hold of one chart.
type ofChart struct {
	Stages
	// names are those of the chart; none stands for all charts of a repository.
	names []string
	// stages are the versions of the stage with candidates, if there is one, and of those that publish, in order.
	stages [][]Version
}

// perChart are the stages of each chart.
func (s Stages) perChart(whole *config.Config) (list []*ofChart) {
	// Each chart has a directory of its own in the work directory of all.
	work := string(s.Work)
	if s.Config != whole {
		work = filepath.Dir(work)
	}
	for _, c := range whole.PerChart() {
		one := s
		one.Config = c
		if len(whole.Charts) > 0 {
			one.Work = workdir.Dir(filepath.Join(work, c.Chart.Name))
		}
		list = append(list, &ofChart{Stages: one})
	}
	return list
}

func (s Stages) candidatesOfAll(ctx context.Context, whole *config.Config, limit int) ([]*ofChart, error) {
	charts := s.perChart(whole)
	if t := whole.Tester(); t != nil {
		r, done, err := s.openCandidates(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", t.Name, err)
		}
		defer done()
		for _, c := range charts {
			list, err := candidatesIn(ctx, r, c.Config.Tester(), limit)
			if err != nil {
				return nil, fmt.Errorf("stage %s: %w", t.Name, err)
			}
			c.stages = append(c.stages, list)
			// A repository with other publishers has charts that went through no stage of this pipeline.
			for _, v := range list {
				if !slices.Contains(c.names, v.Chart) {
					c.names = append(c.names, v.Chart)
				}
			}
		}
	}
	for _, c := range charts {
		if name := c.Config.Chart.Name; name != "" && len(c.names) == 0 {
			c.names = []string{name}
		}
	}
	return charts, nil
}

// addPublished adds what a stage has published of each chart.
func (s Stages) addPublished(ctx context.Context, p *config.Stage, charts []*ofChart, limit int) error {
	var names []string
	for _, c := range charts {
		names = append(names, c.names...)
	}
	held, err := s.published(ctx, p, names, limit)
	if err != nil {
		return err
	}
	for i, c := range charts {
		own := c.Config.Stage(p.Name)
		if own == nil {
			continue
		}
		if i == 0 {
			c.reportMissingKeys(own)
		}
		list := []Version{}
		for _, v := range held {
			if len(c.names) == 0 || slices.Contains(c.names, v.Chart) {
				v.add(c.collect(own, &v))
				list = append(list, v)
			}
		}
		c.stages = append(c.stages, list)
	}
	return nil
}

// finish adds what is missing for the next stages.
func (c *ofChart) finish() []Version {
	next := c.Config.Publishers()
	if c.Config.Tester() == nil {
		next = next[min(1, len(next)):]
	}
	c.addNext(c.stages, next)
	return slices.Concat(c.stages...)
}
