package monitoring

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/template"
)

// Load keeps a series as Prometheus' own tests write it: `up{job="x"}` with values such as `0+1x10 _x5 stale`, one for each
// interval since the Unix epoch.
func (s *Store) Load(series, values string, interval time.Duration) error {
	metric, list, err := syntax.ParseSeriesDesc(series + " " + values)
	if err != nil {
		return fmt.Errorf("the series %s %s: %w", series, values, err)
	}
	at := time.Unix(0, 0)
	for _, v := range list {
		if !v.Omitted {
			s.add(metric, at, v.Value)
		}
		at = at.Add(interval)
	}
	return nil
}

// Rule is an alert in a file of rules.
type Rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         model.Duration    `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Ringing is an alert that rings, without its name.
type Ringing struct {
	Labels      map[string]string `json:"exp_labels"`
	Annotations map[string]string `json:"exp_annotations"`
}

// Watch is the state of a rule that Prometheus keeps between two evaluations. Prometheus' own package for that brings along all that it needs
// to reach an Alertmanager.
type Watch struct {
	Rule Rule
	// since when there is each of the alerts, by its labels.
	since map[string]time.Time
}

// Evaluate evaluates the rule at a moment after the last one, and returns the alerts that ring, in the order of their labels.
func (w *Watch) Evaluate(ctx context.Context, s *Store, at time.Time) ([]Ringing, error) {
	samples, err := s.Query(ctx, w.Rule.Expr, at)
	if err != nil {
		return nil, fmt.Errorf("the alert %s: %w", w.Rule.Alert, err)
	}
	before := w.since
	w.since = map[string]time.Time{}
	rings := map[string]Ringing{}
	for _, sample := range samples {
		expand := func(texts map[string]string) (map[string]string, error) {
			out := map[string]string{}
			data := template.AlertTemplateData(sample.Metric.Map(), nil, "", sample)
			for name, text := range texts {
				text = `{{ $labels := .Labels }}{{ $value := .Value }}` + text
				var err error
				if out[name], err = template.NewTemplateExpander(ctx, text, w.Rule.Alert, data, model.TimeFromUnixNano(at.UnixNano()), s.Query, &url.URL{}, nil).Expand(); err != nil {
					return nil, fmt.Errorf("the alert %s, %s: %w", w.Rule.Alert, name, err)
				}
			}
			return out, nil
		}
		own, err := expand(w.Rule.Labels)
		if err != nil {
			return nil, err
		}
		one := Ringing{Labels: labels.NewBuilder(sample.Metric).Del(model.MetricNameLabel).Labels().Map()}
		maps.Copy(one.Labels, own)
		if one.Annotations, err = expand(w.Rule.Annotations); err != nil {
			return nil, err
		}
		key := labels.FromMap(one.Labels).String()
		if _, twice := w.since[key]; twice {
			return nil, fmt.Errorf("the alert %s has two samples with the labels %s", w.Rule.Alert, key)
		}
		w.since[key] = at
		if first, ok := before[key]; ok {
			w.since[key] = first
		}
		if at.Sub(w.since[key]) >= time.Duration(w.Rule.For) {
			rings[key] = one
		}
	}
	var out []Ringing
	for _, key := range slices.SortedFunc(maps.Keys(rings), strings.Compare) {
		out = append(out, rings[key])
	}
	return out, nil
}
