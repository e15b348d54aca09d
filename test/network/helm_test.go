//go:build e2e

package network

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// helmTimeout is far longer than a network needs to start or to be stalled: no answer of Helm may come from it. e2e.LimitFactor multiplies it.
const helmTimeout = 3 * time.Minute

// helmRuns is how often Helm is run for each answer, HELM_RUNS or 3, and once with -short: a race has another result each time.
func helmRuns() int {
	if runs, err := strconv.Atoi(os.Getenv("HELM_RUNS")); err == nil && runs > 0 {
		return runs
	}
	if testing.Short() {
		return 1
	}
	return 3
}

// chartOfOneNetwork is a chart as users have it, with one network named after the release.
func chartOfOneNetwork() *chart.Chart {
	const network = `apiVersion: bitcoincontroller.christianb93.github.com/v1
kind: BitcoinNetwork
metadata: {name: {{ .Release.Name }}}
spec:
  nodes: 1
{{- with .Values.secret }}
  secret: {{ . }}
{{- end }}
{{- with .Values.image }}
  image: {{ . }}
{{- end }}
`
	return &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "net", Version: "0.1.0"},
		Templates: []*common.File{{Name: "templates/network.yaml", Data: []byte(network)}},
	}
}

// helm is Helm 4 in the namespace of the test.
func (env *testEnv) helm() (*action.Configuration, error) {
	flags := genericclioptions.NewConfigFlags(false)
	flags.Namespace = &env.namespace
	config := action.NewConfiguration()
	return config, config.Init(flags, env.namespace, "secrets")
}

// helmInstall runs helm install --wait, or without it.
func (env *testEnv) helmInstall(name string, wait bool, values map[string]any) error {
	config, err := env.helm()
	if err != nil {
		return err
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.Timeout = name, env.namespace, e2e.LimitFactor()*helmTimeout
	install.WaitStrategy = kube.HookOnlyStrategy
	if wait {
		install.WaitStrategy = kube.StatusWatcherStrategy
	}
	_, err = install.RunWithContext(env.Context(), chartOfOneNetwork(), values)
	return err
}

// helmUpgrade runs helm upgrade --wait --reset-values.
func (env *testEnv) helmUpgrade(name string, rollback bool, values map[string]any) error {
	config, err := env.helm()
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(config)
	upgrade.Namespace, upgrade.Timeout, upgrade.ResetValues, upgrade.RollbackOnFailure = env.namespace, e2e.LimitFactor()*helmTimeout, true, rollback
	upgrade.WaitStrategy = kube.StatusWatcherStrategy
	_, err = upgrade.RunWithContext(env.Context(), name, chartOfOneNetwork(), values)
	return err
}

// readyNow returns an error unless the network is Ready at this moment.
func (env *testEnv) readyNow(name string) error {
	network, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Get(env.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	ready := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != network.Generation {
		return fmt.Errorf("generation %d of network %s has the condition %+v", network.Generation, name, ready)
	}
	return nil
}

// failedBecauseOf returns an error unless Helm failed because of the network, and not because its time was over.
func failedBecauseOf(err error, cause string) error {
	switch {
	case err == nil:
		return errors.New("Helm succeeds")
	case !strings.Contains(err.Error(), cause) || !strings.Contains(err.Error(), "Failed"):
		return fmt.Errorf("Helm does not name the cause %q: %w", cause, err)
	}
	return nil
}

// inParallel calls a function for each run, a few at the same time.
func inParallel(t *testing.T, run func(i int) error) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(4)
	for i := range helmRuns() {
		group.Go(func() error {
			if err := run(i); err != nil {
				t.Errorf("run %d: %v", i, err)
			}
			return nil
		})
	}
	_ = group.Wait()
}

func TestHelmWaitEndsWhenANetworkIsReady(t *testing.T) {
	env := newEnv(t, helmRuns())
	inParallel(t, func(i int) error {
		name := fmt.Sprintf("good-%d", i)
		if err := env.helmInstall(name, true, nil); err != nil {
			return err
		}
		return env.readyNow(name)
	})
}

func TestHelmWaitFailsForANetworkWithoutItsSecret(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, helmRuns())
	inParallel(t, func(i int) error {
		return failedBecauseOf(env.helmInstall(fmt.Sprintf("bad-%d", i), true, map[string]any{"secret": "nosuch"}), `secret "nosuch" not found`)
	})
}

func TestHelmUpgradeCorrectsANetworkAndRollsBackAWrongOne(t *testing.T) {
	skipInDemo(t)
	env := newEnv(t, helmRuns())
	inParallel(t, func(i int) error {
		name := fmt.Sprintf("corrected-%d", i)
		if err := failedBecauseOf(env.helmInstall(name, true, map[string]any{"image": "nosuch.invalid/x:1"}), "nosuch.invalid"); err != nil {
			return fmt.Errorf("a wrong image: %w", err)
		}
		if err := errors.Join(env.helmUpgrade(name, false, nil), env.readyNow(name)); err != nil {
			return fmt.Errorf("the right image: %w", err)
		}
		err := env.helmUpgrade(name, true, map[string]any{"secret": "nosuch"})
		if err := failedBecauseOf(err, `secret "nosuch" not found`); err != nil {
			return fmt.Errorf("a wrong Secret: %w", err)
		}
		if !strings.Contains(err.Error(), "has been rolled back") {
			return fmt.Errorf("the rollback: %w", err)
		}
		return env.readyNow(name)
	})
}
