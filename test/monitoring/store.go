// Package monitoring is a small Prometheus for tests and pictures: it scrapes the operator in a cluster, keeps what it
// gets, and answers the chart's queries with Prometheus' own engine.
package monitoring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

var syntax = parser.NewParser(parser.Options{})

// Store keeps samples in memory.
type Store struct {
	series map[string]*promql.Series
	// seen are the series of each target's last scrape.
	seen   map[string]map[string]bool
	engine *promql.Engine
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{
		series: map[string]*promql.Series{}, seen: map[string]map[string]bool{},
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute, Parser: syntax}),
	}
}

// Add keeps one scrape in Prometheus' text format, later than the ones before. Labels of the target are added, and give
// way to those of the metrics, as honorLabels has it. A series that the target does not have any more ends.
func (s *Store) Add(at time.Time, scrape []byte, target map[string]string) error {
	base := labels.FromMap(target)
	before, now := s.seen[base.String()], map[string]bool{}
	p := textparse.NewPromParser(scrape, labels.NewSymbolTable(), false)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading a scrape: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		p.Labels(&own)
		b := labels.NewBuilder(base)
		own.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
		_, _, number := p.Series()
		now[s.add(b.Labels(), at, number)] = true
	}
	for key := range before {
		if !now[key] {
			s.add(s.series[key].Metric, at, math.Float64frombits(value.StaleNaN))
		}
	}
	s.seen[base.String()] = now
	return nil
}

func (s *Store) add(metric labels.Labels, at time.Time, number float64) (key string) {
	key = metric.String()
	series, ok := s.series[key]
	if !ok {
		series = &promql.Series{Metric: metric}
		s.series[key] = series
	}
	series.Floats = append(series.Floats, promql.FPoint{T: at.UnixMilli(), F: number})
	return key
}

// Query answers at a moment.
func (s *Store) Query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	q, err := s.engine.NewInstantQuery(ctx, queryable{s}, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", expr, err)
	}
	defer q.Close()
	v, err := q.Exec(ctx).Vector()
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", expr, err)
	}
	// The samples are the query's, which is about to be closed.
	return append(promql.Vector{}, v...), nil
}

// Series is the answer to a query over time.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is one value of a series.
type Point struct {
	At    time.Time
	Value float64
}

// Range answers from one moment to another.
func (s *Store) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	q, err := s.engine.NewRangeQuery(ctx, queryable{s}, nil, expr, from, to, step)
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", expr, err)
	}
	defer q.Close()
	m, err := q.Exec(ctx).Matrix()
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", expr, err)
	}
	var out []Series
	for _, series := range m {
		one := Series{Labels: series.Metric.Map()}
		for _, p := range series.Floats {
			one.Points = append(one.Points, Point{time.UnixMilli(p.T), p.F})
		}
		out = append(out, one)
	}
	return out, nil
}

// Selectors are the parts of a query that name metrics, each of them a query of its own.
func Selectors(expr string) ([]string, error) {
	parsed, err := syntax.ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("the query %s: %w", expr, err)
	}
	var out []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			out = append(out, v.String())
		}
		return nil
	})
	return out, nil
}

// Expand puts values in place of Grafana's variables, written $name. What is left over is an error of the parser's.
func Expand(expr string, values map[string]string) string {
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "$"+name, value)
	}
	return strings.NewReplacer(pairs...).Replace(expr)
}
