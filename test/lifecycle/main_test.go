// Package lifecycle tests the chart over the life of a release: install with defaults and with every option, two replicas,
// watched namespaces, upgrade, rollback, uninstall. It has a kind cluster of its own, since another test's operator must not be
// uninstalled. Some tests use Helm 3 and others Helm 4. The tests that need the cluster have the build tag e2e.
package lifecycle

import (
	"fmt"
	"os"
	"testing"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/client-go/dynamic"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/test/kindcluster"
)

const root = "../.."

var testCluster = kindcluster.New(kindcluster.Options{Name: "lifecycle", Note: "LIFECYCLE_NOTE"})

// onlyCluster is the variable with which a process of these tests creates the cluster, and deletes it, but runs no test.
const onlyCluster = "LIFECYCLE_ONLY_CLUSTER"

func TestMain(m *testing.M) {
	if os.Getenv(onlyCluster) == "" {
		testCluster.Main(m.Run)
	}
	testCluster.Main(func() int {
		if err := testCluster.Create(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	})
}

// needCluster skips a test where there can be no such cluster.
func needCluster(t *testing.T) {
	t.Helper()
	testCluster.Need(t)
}

func crds() apiextensions.Interface { return apiextensions.NewForConfigOrDie(testCluster.Config) }

func dynamicClient() dynamic.Interface { return dynamic.NewForConfigOrDie(testCluster.Config) }

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	testtools.Eventually(t, what, 9*time.Minute, condition)
}

// ok fails the test when there is an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
