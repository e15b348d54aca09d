//go:build e2e

package lightning

import (
	"errors"
	"os"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// sample is the one of docs/lightning.md.
const sample = "../manifests/lightning/channels.yaml"

// A chart of users with both resources: Helm 4 knows nothing of them but their conditions.
func TestHelmWaitEndsWhenTheChannelsCanBeUsed(t *testing.T) {
	env := newEnv(t, 6)
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	var declared v1.LightningNetwork
	documents := strings.Split(string(text), "\n---\n")
	if err := yaml.Unmarshal([]byte(documents[len(documents)-1]), &declared); err != nil {
		t.Fatal(err)
	}
	config, err := helmIn(env.namespace)
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.Timeout, install.WaitStrategy = "users", env.namespace, e2e.LimitFactor()*readyTimeout, kube.StatusWatcherStrategy
	if _, err := install.RunWithContext(t.Context(), &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "net", Version: "0.1.0"},
		Templates: []*common.File{{Name: "templates/networks.yaml", Data: text}},
	}, nil); err != nil {
		t.Fatal(err)
	}
	n := &network{env, declared.Name, declared.Spec}
	if err := errors.Join(n.declared(), n.pay(0, 2)); err != nil {
		t.Errorf("Helm has returned, but %v", err)
	}
	if got := n.get(); !meta.IsStatusConditionTrue(got.Status.Conditions, v1.LightningConditionReady) {
		t.Errorf("Helm has returned, but the conditions are %+v", got.Status.Conditions)
	}
}
