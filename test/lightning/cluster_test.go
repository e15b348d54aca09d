//go:build e2e

package lightning

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	release "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// cluster has the clients, when connectOnce has been called.
var cluster e2e.Clients

// switched means that these tests have set lightning.enabled.
var switched bool

// The release under test, as the pipeline names it.
var (
	releaseName      = cmp.Or(os.Getenv("RELEASE_NAME"), "bitcoin-controller")
	releaseNamespace = cmp.Or(os.Getenv("RELEASE_NAMESPACE"), "bitcoin-controller")
)

// connectOnce connects to the cluster when the first test needs it, so that the package can be listed without one.
var connectOnce = sync.OnceValue(connect)

func needCluster(t *testing.T) {
	t.Helper()
	if err := connectOnce(); err != nil {
		t.Fatalf("this test needs a cluster with the operator in it: set KUBECONFIG, or run scripts/test.sh (%v)", err)
	}
}

// Helm names a field manager after the program: the fields of the release under test are those of the command.
func init() { kube.ManagedFieldsManager = "helm" }

func TestMain(m *testing.M) {
	code := m.Run()
	e2e.RemoveProgram()
	if switched {
		if err := enable(false); err != nil {
			fmt.Fprintln(os.Stderr, "lightning.enabled=false:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func connect() error {
	clients, err := e2e.Connect()
	if err != nil {
		return err
	}
	cluster = *clients
	installed, err := deployed()
	if err != nil {
		return err
	}
	// Not by the definition, which Helm keeps.
	if values, ok := installed.Config["lightning"].(map[string]any); ok && values["enabled"] == true {
		return nil
	}
	switched = true
	return enable(true)
}

// helmIn is Helm 4 in a namespace.
func helmIn(namespace string) (*action.Configuration, error) {
	flags := genericclioptions.NewConfigFlags(false)
	flags.Namespace = &namespace
	config := action.NewConfiguration()
	return config, config.Init(flags, namespace, "secrets")
}

// deployed is the release under test.
func deployed() (*release.Release, error) {
	config, err := helmIn(releaseNamespace)
	if err != nil {
		return nil, err
	}
	found, err := action.NewGet(config).Run(releaseName)
	if err != nil {
		return nil, err
	}
	installed, ok := found.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("release %s is a %T", releaseName, found)
	}
	return installed, nil
}

// enable does what docs/lightning.md describes: helm upgrade --reset-then-reuse-values --set lightning.enabled=… --wait.
func enable(on bool) error {
	installed, err := deployed()
	if err != nil {
		return err
	}
	config, err := helmIn(releaseNamespace)
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(config)
	upgrade.Namespace, upgrade.Timeout, upgrade.ResetThenReuseValues = releaseNamespace, e2e.LimitFactor()*3*time.Minute, true
	upgrade.WaitStrategy = kube.StatusWatcherStrategy
	_, err = upgrade.RunWithContext(context.Background(), releaseName, installed.Chart, map[string]any{"lightning": map[string]any{"enabled": on}})
	return err
}
