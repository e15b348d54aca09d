//go:build e2e

package machines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

const root = "../.."

// workers is the number of cluster nodes beside the control plane.
const workers = 2

// testCluster is created for the first test that needs it and deleted after the last.
var testCluster struct {
	kind     *cluster.Kind
	dir      string
	config   *rest.Config
	core     kubernetes.Interface
	networks versioned.Interface
}

// errSkip: these tests cannot run here, for a reason that is no fault of the operator's.
var errSkip = errors.New("left out")

// interrupted ends with the first signal.
var interrupted, interrupt = context.WithCancel(context.Background())

// creating is held while the cluster is created: it may have more parts afterwards than before.
var creating sync.Mutex

var createOnce = sync.OnceValue(func() error {
	creating.Lock()
	defer creating.Unlock()
	ctx, cancel := context.WithTimeout(interrupted, 20*time.Minute)
	defer cancel()
	return create(ctx)
})

func TestMain(m *testing.M) {
	// A run that is interrupted deletes its cluster too.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		interrupt()
		creating.Lock()
		remove()
		os.Exit(1)
	}()
	code := m.Run()
	remove()
	os.Exit(code)
}

// remove is for the end of the tests and for the signal that ends them: who comes second waits for the first.
var remove = sync.OnceFunc(func() {
	if testCluster.kind != nil {
		if err := testCluster.kind.Delete(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		} else if note := os.Getenv("MACHINES_NOTE"); note != "" {
			os.Remove(note)
		}
	}
	os.RemoveAll(testCluster.dir)
})

// needCluster skips a test where there can be no such cluster.
func needCluster(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("LIFECYCLE_TESTS") != "true" {
		t.Skip("left out: LIFECYCLE_TESTS=true runs it, in a cluster of three nodes, unless -short is given")
	}
	testtools.Docker(t)
	testtools.Find(t, "kubectl")
	switch err := createOnce(); {
	case errors.Is(err, errSkip):
		testtools.Missing(t, err.Error())
	case err != nil:
		t.Fatal(err)
	}
}

func create(ctx context.Context) error {
	candidate, node := os.Getenv("CANDIDATE_IMAGE"), os.Getenv("BITCOIND_IMAGE")
	if candidate == "" || node == "" {
		return fmt.Errorf("%w: CANDIDATE_IMAGE and BITCOIND_IMAGE must name the images of the operator and of its nodes, as scripts/test.sh does", errSkip)
	}
	config, err := kindConfig()
	if err != nil {
		return err
	}
	if testCluster.dir, err = os.MkdirTemp("", "machines-"); err != nil {
		return err
	}
	name, kubeconfig := cluster.UniqueName("machines"), filepath.Join(testCluster.dir, "kubeconfig")
	// Before there is anything to delete, so that an unfinished cluster is deleted too: here, or by the one who kills this run.
	if testCluster.kind, err = cluster.Open(name, kubeconfig, nil); err != nil {
		return err
	}
	if note := os.Getenv("MACHINES_NOTE"); note != "" {
		if err := os.WriteFile(note, []byte(name), 0o644); err != nil {
			return err
		}
	}
	start := time.Now()
	if _, err := cluster.Create(ctx, cluster.Options{Name: name, NodeImage: os.Getenv("NODE_IMAGE"), Config: config, Kubeconfig: kubeconfig}, ""); err != nil {
		return err
	}
	created := time.Since(start)
	if _, err := testCluster.kind.LoadImages(ctx, image.Access{}, candidate, node); err != nil {
		if errors.Is(err, image.ErrRegistryAuth) {
			return fmt.Errorf("%w: the tests have no credentials for the registry: %w", errSkip, err)
		}
		return err
	}
	fmt.Printf("the cluster exists after %.0f s and has the images after %.0f s\n", created.Seconds(), time.Since(start).Seconds())
	return connect(kubeconfig)
}

// kindConfig is the configuration of the other test clusters, with more cluster nodes.
func kindConfig() ([]byte, error) {
	file := os.Getenv("KIND_CONFIG")
	if file == "" {
		file = "ci/kind.yaml"
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(root, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	nodes := []any{map[string]any{"role": "control-plane"}}
	for range workers {
		nodes = append(nodes, map[string]any{"role": "worker"})
	}
	config["nodes"] = nodes
	return yaml.Marshal(config)
}

func connect(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	testCluster.config = config
	testCluster.core = kubernetes.NewForConfigOrDie(config)
	testCluster.networks = versioned.NewForConfigOrDie(config)
	return nil
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
	command := exec.CommandContext(t.Context(), "kubectl", append([]string{"--kubeconfig", testCluster.kind.Kubeconfig}, args...)...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %v: %v: %s", args, err, out)
	}
}

// eventually calls the condition until it holds, logs how long that took, and fails the test with its last word when the time is over.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	const limit = 6 * time.Minute
	start := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		took := time.Since(start)
		if err == nil {
			t.Logf("%s: %s (%.0f s)", time.Now().UTC().Format(time.TimeOnly), what, took.Seconds())
			return
		}
		if took > limit {
			t.Fatalf("waited %s for: %s; last: %v", limit, what, err)
		}
		<-tick.C
	}
}

// ok fails the test when there is an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
