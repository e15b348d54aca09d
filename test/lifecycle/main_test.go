// Package lifecycle tests the chart over the life of a release: install with defaults and with every option, two replicas,
// watched namespaces, upgrade, rollback, uninstall. It has a kind cluster of its own, since another test's operator must not be
// uninstalled. Some tests use Helm 3 and others Helm 4. The tests that need the cluster have the build tag e2e.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

const root = "../.."

// testCluster is created for the first test that needs it and deleted after the last.
var testCluster struct {
	kind     *cluster.Kind
	dir      string
	config   *rest.Config
	core     kubernetes.Interface
	networks versioned.Interface
	crds     apiextensions.Interface
	dynamic  dynamic.Interface
}

// errSkip: these tests cannot run here, for a reason that is no fault of the chart's.
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

// onlyCluster is the variable with which a process of these tests creates the cluster, and deletes it, but runs no test.
const onlyCluster = "LIFECYCLE_ONLY_CLUSTER"

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
	code := 0
	if os.Getenv(onlyCluster) == "" {
		code = m.Run()
	} else if err := createOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	remove()
	os.Exit(code)
}

// remove is for the end of the tests and for the signal that ends them: who comes second waits for the first.
var remove = sync.OnceFunc(func() {
	if testCluster.kind != nil {
		if err := testCluster.kind.Delete(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		} else if note := os.Getenv("LIFECYCLE_NOTE"); note != "" {
			os.Remove(note)
		}
	}
	os.RemoveAll(testCluster.dir)
})

// needCluster skips a test where there can be no such cluster.
func needCluster(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("LIFECYCLE_TESTS") != "true" {
		t.Skip("left out: LIFECYCLE_TESTS=true runs it, in a second cluster, unless -short is given")
	}
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
	if err := cluster.Engine(nil); err != nil {
		return fmt.Errorf("%w: %w", errSkip, err)
	}
	file := os.Getenv("KIND_CONFIG")
	if file == "" {
		file = "ci/kind.yaml"
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(root, file)
	}
	config, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if testCluster.dir, err = os.MkdirTemp("", "lifecycle-"); err != nil {
		return err
	}
	name, kubeconfig := cluster.UniqueName("lifecycle"), filepath.Join(testCluster.dir, "kubeconfig")
	// Before there is anything to delete, so that an unfinished cluster is deleted too: here, or by the one who kills this run.
	if testCluster.kind, err = cluster.Open(name, kubeconfig, nil); err != nil {
		return err
	}
	if note := os.Getenv("LIFECYCLE_NOTE"); note != "" {
		if err := os.WriteFile(note, []byte(name), 0o644); err != nil {
			return err
		}
	}
	if _, err := cluster.Create(ctx, cluster.Options{Name: name, NodeImage: os.Getenv("NODE_IMAGE"), Config: config, Kubeconfig: kubeconfig}, ""); err != nil {
		return err
	}
	if _, err := testCluster.kind.LoadImages(ctx, image.Access{}, candidate, node); err != nil {
		if errors.Is(err, image.ErrRegistryAuth) {
			return fmt.Errorf("%w: the tests have no credentials for the registry: %w", errSkip, err)
		}
		return err
	}
	return connect(kubeconfig)
}

func connect(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	// The cluster's objects are listed by every version they have, old ones among them.
	config.WarningHandler = rest.NoWarnings{}
	testCluster.config = config
	testCluster.core = kubernetes.NewForConfigOrDie(config)
	testCluster.networks = versioned.NewForConfigOrDie(config)
	testCluster.crds = apiextensions.NewForConfigOrDie(config)
	testCluster.dynamic = dynamic.NewForConfigOrDie(config)
	return nil
}

// eventually calls the condition until it holds, and fails the test with its last word when the time is over.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	const limit = 9 * time.Minute
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
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
