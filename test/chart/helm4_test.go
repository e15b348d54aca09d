package chart_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// render4 is render with Helm 4, for releases without a client.
func (r release) render4(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	var user map[string]any
	if err := yaml.Unmarshal([]byte(values), &user); err != nil {
		t.Fatal(err)
	}
	options := common.ReleaseOptions{Name: r.name, Namespace: r.namespace, Revision: 1, IsInstall: !r.upgrade, IsUpgrade: r.upgrade}
	if options.Name == "" {
		options.Name = "bitcoin-controller"
	}
	if options.Namespace == "" {
		options.Namespace = "bitcoin-system"
	}
	capabilities := common.DefaultCapabilities.Copy()
	if r.kubeVersion != "" {
		version, err := common.ParseKubeVersion(r.kubeVersion)
		if err != nil {
			t.Fatal(err)
		}
		capabilities.KubeVersion = *version
	}
	all, err := util.ToRenderValues(c, user, options, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// The other tests render the chart with Helm 3: they hold for Helm 4 because it renders the same in every case.
func TestHelm4RendersTheSame(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			files, err := c.release.render4(t, c.values)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.release.objects(t, c.values), objectsIn(t, files)); diff != "" {
				t.Errorf("Helm 4 renders other objects than Helm 3 (-3 +4):\n%s", diff)
			}
			notes3 := notes(t, c.release, c.values)
			if diff := cmp.Diff(notes3, files["bitcoin-controller/templates/NOTES.txt"]); notes3 == "" || diff != "" {
				t.Errorf("Helm 4 prints other notes than Helm 3 (-3 +4):\n%s", diff)
			}
		})
	}
}

func TestHelm4RejectsWrongValues(t *testing.T) {
	for name, c := range wrongValues {
		t.Run(name, func(t *testing.T) {
			_, err := release{}.render4(t, c.values)
			if err == nil {
				t.Fatal("Helm 4 accepts the value")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error has no %s: %v", want, err)
				}
			}
		})
	}
}
