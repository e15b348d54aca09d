package apiserver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	action3 "helm.sh/helm/v3/pkg/action"
	chart3 "helm.sh/helm/v3/pkg/chart/loader"
	kube3 "helm.sh/helm/v3/pkg/kube"
	action4 "helm.sh/helm/v4/pkg/action"
	chart4 "helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// These tests are not parallel: the definition of BitcoinNetwork is that of all tests.

const chartDir = "../../charts/bitcoin-controller"

// helm installs the chart in a namespace, with Helm 3 or Helm 4. Nothing waits: no machine runs the operator's pod.
type helm struct {
	ns *apiserver.Namespace
	// takeOwnership and forceConflicts are the flags of helm install, of which Helm 3 has the first.
	takeOwnership, forceConflicts bool
}

// As in the program helm, which these tests are not.
func init() { kube3.ManagedFieldsManager, kube.ManagedFieldsManager = "helm", "helm" }

func (h helm) flags() *genericclioptions.ConfigFlags {
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace = &h.ns.Kubeconfig, &h.ns.Name
	flags.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config.QPS = -1
		return config
	}
	return flags
}

func (h helm) three(t *testing.T) *action3.Configuration {
	t.Helper()
	config := new(action3.Configuration)
	if err := config.Init(h.flags(), h.ns.Name, "secrets", func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	return config
}

func (h helm) four(t *testing.T) *action4.Configuration {
	t.Helper()
	config := action4.NewConfiguration()
	if err := config.Init(h.flags(), h.ns.Name, "secrets"); err != nil {
		t.Fatal(err)
	}
	return config
}

// install runs helm install, or helm upgrade for a release that exists.
func (h helm) install(t *testing.T, version int, upgrade bool, values map[string]any) error {
	t.Helper()
	const name = "bitcoin-controller"
	if version == 3 {
		chart, err := chart3.LoadDir(chartDir)
		if err != nil {
			t.Fatal(err)
		}
		if upgrade {
			a := action3.NewUpgrade(h.three(t))
			a.Namespace = h.ns.Name
			_, err = a.RunWithContext(t.Context(), name, chart, values)
			return err
		}
		a := action3.NewInstall(h.three(t))
		a.ReleaseName, a.Namespace, a.TakeOwnership = name, h.ns.Name, h.takeOwnership
		_, err = a.RunWithContext(t.Context(), chart, values)
		return err
	}
	chart, err := chart4.LoadDir(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	if upgrade {
		a := action4.NewUpgrade(h.four(t))
		a.Namespace, a.WaitStrategy = h.ns.Name, kube.HookOnlyStrategy
		_, err = a.RunWithContext(t.Context(), name, chart, values)
		return err
	}
	a := action4.NewInstall(h.four(t))
	a.ReleaseName, a.Namespace, a.WaitStrategy = name, h.ns.Name, kube.HookOnlyStrategy
	a.TakeOwnership, a.ForceConflicts = h.takeOwnership, h.forceConflicts
	_, err = a.RunWithContext(t.Context(), chart, values)
	return err
}

func (h helm) uninstall(t *testing.T, version int) error {
	t.Helper()
	if version == 3 {
		_, err := action3.NewUninstall(h.three(t)).Run("bitcoin-controller")
		return err
	}
	a := action4.NewUninstall(h.four(t))
	a.WaitStrategy = kube.HookOnlyStrategy
	_, err := a.Run("bitcoin-controller")
	return err
}

// replaceDefinition leaves the definition as a field manager has applied it, with an older text in it; without one, it does not exist.
func replaceDefinition(t *testing.T, ns *apiserver.Namespace, manager string) {
	t.Helper()
	testtools.Eventually(t, "the definition to be gone", apiserver.Limit, func() error {
		err := ns.Client.Delete(context.Background(), definitionOf(t))
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it exists: %w", err)
	})
	if manager == "" {
		return
	}
	older := definitionOf(t)
	version := older.Object["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
	version["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)["description"] = "An older text."
	if err := ns.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(older), client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
}

// restoreDefinition leaves the definition for the other tests.
func restoreDefinition(t *testing.T, ns *apiserver.Namespace) {
	t.Helper()
	replaceDefinition(t, ns, "")
	if err := ns.Client.Create(context.Background(), definitionOf(t)); err != nil {
		t.Fatal(err)
	}
	testtools.Eventually(t, "the definition to be served", apiserver.Limit, func() error {
		return ns.Client.List(context.Background(), &v1.BitcoinNetworkList{})
	})
}

// definitionOf the chart.
func definitionOf(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(chartDir, "files/crds/*_bitcoinnetworks.yaml"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	object := &unstructured.Unstructured{}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

// most of the chart's options that need no definition of another project.
const most = `
replicas: 2
networkPolicy: {networks: {enabled: true}}
defaultSecret: {enabled: true}
dashboards: {enabled: true}
metrics: {readers: [{name: prometheus, namespace: monitoring}]}
commonLabels: {team: bitcoin}
`

func TestTheChartIsInstalledAndUpgradedByBothReleasesOfHelm(t *testing.T) {
	for name, versions := range map[string][2]int{"Helm 3, then 4": {3, 4}, "Helm 4, then 3": {4, 3}} {
		t.Run(name, func(t *testing.T) {
			ns := apiserver.NewNamespace(t)
			t.Cleanup(func() { restoreDefinition(t, ns) })
			replaceDefinition(t, ns, "")
			h := helm{ns: ns}
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(most), &values); err != nil {
				t.Fatal(err)
			}
			if err := h.install(t, versions[0], false, nil); err != nil {
				t.Fatalf("install: %v", err)
			}
			for _, version := range []int{versions[0], versions[1], versions[0], versions[1]} {
				if err := h.install(t, version, true, values); err != nil {
					t.Fatalf("upgrade with Helm %d: %v", version, err)
				}
			}
			if err := h.uninstall(t, versions[1]); err != nil {
				t.Fatalf("uninstall: %v", err)
			}
		})
	}
}

// documentedManager is the field manager with which README.md applies the definition, so that the chart can be installed later.
func documentedManager(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^kubectl apply --server-side --field-manager=(\S+) -f charts/bitcoin-controller/files/crds$`).FindSubmatch(text)
	if command == nil {
		t.Fatal("README.md does not show how the definition is applied without the chart")
	}
	return string(command[1])
}

// The chart's README describes these cases.
func TestADefinitionThatWasAppliedIsTakenOver(t *testing.T) {
	for name, c := range map[string]struct {
		manager                       string
		version                       int
		takeOwnership, forceConflicts bool
		rejected                      string
	}{
		"by Helm 3":                        {manager: "kubectl", version: 3, takeOwnership: true},
		"not without the flag":             {manager: "helm", version: 4, rejected: "cannot be imported into the current release"},
		"not by Helm 4 with one flag":      {manager: "kubectl", version: 4, takeOwnership: true, rejected: `conflict with "kubectl"`},
		"by Helm 4 with two flags":         {manager: "kubectl", version: 4, takeOwnership: true, forceConflicts: true},
		"by Helm 4, applied as documented": {manager: documentedManager(t), version: 4, takeOwnership: true},
	} {
		t.Run(name, func(t *testing.T) {
			ns := apiserver.NewNamespace(t)
			t.Cleanup(func() { restoreDefinition(t, ns) })
			replaceDefinition(t, ns, c.manager)
			h := helm{ns: ns, takeOwnership: c.takeOwnership, forceConflicts: c.forceConflicts}
			err := h.install(t, c.version, false, nil)
			if c.rejected == "" && err != nil || c.rejected != "" && (err == nil || !strings.Contains(err.Error(), c.rejected)) {
				t.Errorf("helm install: %v; want %q", err, c.rejected)
			}
			if err := h.uninstall(t, c.version); err != nil && c.rejected == "" {
				t.Errorf("uninstall: %v", err)
			}
		})
	}
}
