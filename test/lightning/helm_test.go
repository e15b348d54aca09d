//go:build e2e

package lightning

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// sample is the one of docs/lightning.md.
const sample = "../manifests/lightning/channels.yaml"

// detour is one more channel of the sample, past its node in the middle.
const detour = "    - {from: 0, to: 2, capacity: 500000}\n"

// A chart of users with both resources: Helm 4 knows nothing of them but their conditions. Each run after the first one changes the channels of
// the same nodes, in turn by a channel more, which is opened, and by one less, which is closed.
func TestHelmWaitEndsWhenTheChannelsCanBeUsed(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 6)
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	config, err := helmIn(env.namespace)
	if err != nil {
		t.Fatal(err)
	}
	for run := range runs() {
		manifests := string(text)
		if run%2 == 1 {
			manifests += detour
		}
		documents := strings.Split(manifests, "\n---\n")
		var declared v1.LightningNetwork
		if err := yaml.Unmarshal([]byte(documents[len(documents)-1]), &declared); err != nil {
			t.Fatal(err)
		}
		if got := len(declared.Spec.Channels); got != 2+run%2 {
			t.Fatalf("%s has %d channels in run %d", sample, got, run)
		}
		started := time.Now()
		if err := env.helmWaits(config, manifests, run > 0); err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		returned := time.Now()
		n := &network{env, declared.Name, declared.Spec}
		// At once: a node that is busy later may lose its peers for a while. The time of a transition has whole seconds.
		got := n.get()
		if ready := condition(got, v1.LightningConditionReady); ready.Status != metav1.ConditionTrue && !ready.LastTransitionTime.After(returned) {
			t.Errorf("run %d: Helm has returned, but the conditions are %+v", run, got.Status.Conditions)
		}
		if err := errors.Join(n.declared(), n.pay(0, 2)); err != nil {
			t.Errorf("run %d: Helm has returned, but %v", run, err)
		}
		// A specification that does not change is nothing to wait for.
		if got.Generation != int64(run)+1 {
			t.Errorf("run %d: the generation is %d", run, got.Generation)
		}
		t.Logf("run %d: Helm returned after %s", run, returned.Sub(started).Round(100*time.Millisecond))
	}
}

// helmWaits installs or upgrades a chart with these manifests, with --wait.
func (env *testEnv) helmWaits(config *action.Configuration, manifests string, exists bool) error {
	const release = "users"
	networks := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "net", Version: "0.1.0"},
		Templates: []*common.File{{Name: "templates/networks.yaml", Data: []byte(manifests)}},
	}
	if exists {
		upgrade := action.NewUpgrade(config)
		upgrade.Namespace, upgrade.Timeout, upgrade.WaitStrategy = env.namespace, e2e.LimitFactor()*readyTimeout, kube.StatusWatcherStrategy
		_, err := upgrade.RunWithContext(env.Context(), release, networks, nil)
		return err
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.Timeout, install.WaitStrategy = release, env.namespace, e2e.LimitFactor()*readyTimeout, kube.StatusWatcherStrategy
	_, err := install.RunWithContext(env.Context(), networks, nil)
	return err
}
