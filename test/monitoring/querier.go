package monitoring

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// queryable shows a store to Prometheus' engine.
type queryable struct{ *Store }

func (q queryable) Querier(int64, int64) (storage.Querier, error) {
	return querier{storage.NoopQuerier(), q.Store}, nil
}

type querier struct {
	storage.Querier
	store *Store
}

// Select gives whole series: the engine selects by time itself.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, series := range q.store.series {
		if matches(series.Metric, matchers) {
			set.list = append(set.list, *series)
		}
	}
	slices.SortFunc(set.list, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return set
}

func matches(metric labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(metric.Get(m.Name)) {
			return false
		}
	}
	return true
}

type seriesSet struct {
	list []promql.Series
	at   int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.list) }
func (s *seriesSet) At() storage.Series                { return promql.NewStorageSeries(s.list[s.at]) }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
