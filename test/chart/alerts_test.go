package chart_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/test/monitoring"
)

// alertCases is a file of unit tests as `promtool test rules` reads it, with rules.yaml as the chart renders them.
type alertCases struct {
	RuleFiles []string       `json:"rule_files"`
	Interval  model.Duration `json:"evaluation_interval"`
	Tests     []alertCase    `json:"tests"`
}

type alertCase struct {
	Name     string         `json:"name"`
	Interval model.Duration `json:"interval"`
	Series   []struct {
		Series string `json:"series"`
		Values string `json:"values"`
	} `json:"input_series"`
	Evaluations []struct {
		At    model.Duration       `json:"eval_time"`
		Alert string               `json:"alertname"`
		Rings []monitoring.Ringing `json:"exp_alerts"`
	} `json:"alert_rule_test"`
}

// Each alert rings when it should and only then, played through with Prometheus' own engine.
func TestAlertsRing(t *testing.T) {
	for file, values := range map[string]string{
		"testdata/alerts/cases.yaml":            "",
		"testdata/alerts/without-election.yaml": "leaderElection: {enabled: false}\n",
		"testdata/alerts/lightning.yaml":        lightningOn,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var cases alertCases
		if err := yaml.UnmarshalStrict(text, &cases); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		rules := map[string]monitoring.Rule{}
		for _, a := range alertRules(t, values) {
			rules[a.Alert] = a
		}
		silent, loud := map[string]bool{}, map[string]bool{}
		for _, c := range cases.Tests {
			t.Run(c.Name, func(t *testing.T) { c.play(t, rules, time.Duration(cases.Interval)) })
			for _, e := range c.Evaluations {
				silent[e.Alert] = silent[e.Alert] || len(e.Rings) == 0
				loud[e.Alert] = loud[e.Alert] || len(e.Rings) > 0
			}
		}
		for name := range rules {
			if complete := values == "" || values == lightningOn && strings.HasPrefix(name, "Lightning"); complete && !(silent[name] && loud[name]) {
				t.Errorf("%s: no case in which %s rings, or none in which it does not", file, name)
			}
		}
	}
}

// play evaluates the rules from the epoch on, as Prometheus does, and compares at the times of the case.
func (c alertCase) play(t *testing.T, rules map[string]monitoring.Rule, interval time.Duration) {
	store := monitoring.NewStore()
	for _, s := range c.Series {
		if err := store.Load(s.Series, s.Values, time.Duration(c.Interval)); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range c.Evaluations {
		rule, ok := rules[e.Alert]
		if !ok {
			t.Fatalf("the chart has no alert %s", e.Alert)
		}
		watch := monitoring.Watch{Rule: rule}
		var got []monitoring.Ringing
		for since := time.Duration(0); since <= time.Duration(e.At); since += interval {
			var err error
			if got, err = watch.Evaluate(t.Context(), store, time.Unix(0, 0).Add(since)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(e.Rings, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s after %s (-want +rings):\n%s", e.Alert, e.At, diff)
		}
	}
}

// alertRules are the alerts with nothing left out that Prometheus reads and these tests do not know.
func alertRules(t *testing.T, values string) []monitoring.Rule {
	t.Helper()
	objects := release{}.objects(t, values+"metrics: {prometheusRule: {enabled: true}}")
	text, err := yaml.Marshal(find(t, objects, "PrometheusRule", "bitcoin-controller").Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Groups []struct {
			Name  string            `json:"name"`
			Rules []monitoring.Rule `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(text, &spec); err != nil {
		t.Fatal(err)
	}
	var out []monitoring.Rule
	for _, group := range spec.Groups {
		out = append(out, group.Rules...)
	}
	return out
}
