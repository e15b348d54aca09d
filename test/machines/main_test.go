//go:build e2e

package machines

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/test/e2e"
	"github.com/christianb93/bitcoin-controller/test/kindcluster"
)

const root = "../.."

// workers is the number of cluster nodes beside the control plane.
const workers = 2

var testCluster = kindcluster.New(kindcluster.Options{Name: "machines", Note: "MACHINES_NOTE", Workers: workers})

func TestMain(m *testing.M) { testCluster.Main(m.Run) }

// needCluster skips a test where there can be no such cluster.
func needCluster(t testing.TB) {
	t.Helper()
	testtools.Find(t, "kubectl")
	testCluster.Need(t)
}

// engine runs a command of the container engine on the container that is a cluster node.
func engine(t *testing.T, command, clusterNode string) {
	t.Helper()
	if out, err := exec.CommandContext(context.Background(), "docker", command, clusterNode).CombinedOutput(); err != nil {
		t.Fatalf("docker %s %s: %v: %s", command, clusterNode, err, out)
	}
	t.Logf("%s: docker %s %s", time.Now().UTC().Format(time.TimeOnly), command, clusterNode)
}

// kubectl runs a command in the test's cluster.
func kubectl(t *testing.T, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "kubectl", append([]string{"--kubeconfig", testCluster.Kind.Kubeconfig}, args...)...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %v: %v: %s", args, err, out)
	}
}

// eventually waits until the condition holds and logs how long that took.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	took := testtools.Eventually(t, what, e2e.LimitFactor()*4*time.Minute, condition)
	t.Logf("%s: %s (%.0f s)", time.Now().UTC().Format(time.TimeOnly), what, took.Seconds())
}

// ok fails the test when there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
