package chart_test

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/lint/support"
	action4 "helm.sh/helm/v4/pkg/action"
	support4 "helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"sigs.k8s.io/yaml"
)

// The findings of `helm lint --strict`, for each case.
func TestLint(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var values map[string]any
			if err := yaml.Unmarshal([]byte(c.values), &values); err != nil {
				t.Fatal(err)
			}
			lint := action.NewLint()
			lint.Strict = true
			lint.Namespace = "bitcoin-system"
			result := lint.Run([]string{chartDir}, values)
			for _, err := range result.Errors {
				t.Error(err)
			}
			for _, message := range result.Messages {
				// The project has no icon, and none is invented for the linter.
				if message.Severity == support.InfoSev && strings.Contains(message.Err.Error(), "icon is recommended") {
					continue
				}
				t.Error(message)
			}
		})
	}
}

func TestLintWithHelm4(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var values map[string]any
			if err := yaml.Unmarshal([]byte(c.values), &values); err != nil {
				t.Fatal(err)
			}
			lint := action4.NewLint()
			lint.Strict, lint.Namespace = true, "bitcoin-system"
			result := lint.Run([]string{chartDir}, values)
			for _, err := range result.Errors {
				t.Error(err)
			}
			for _, message := range result.Messages {
				// As above.
				if message.Severity != support4.InfoSev || !strings.Contains(message.Err.Error(), "icon is recommended") {
					t.Error(message)
				}
			}
		})
	}
}

func TestOldKubernetesIsRejected(t *testing.T) {
	c := loadChart(t)
	for version, want := range map[string]bool{
		"v1.28.15": false, "v1.29.0": true, "v1.31.2-gke.1115000": true, "v1.36.3": true,
	} {
		if got := compatible(c.Metadata.KubeVersion, version); got != want {
			t.Errorf("Kubernetes %s is accepted: %v, want %v", version, got, want)
		}
	}
}
