// Package kindcluster gives the tests of a package a kind cluster of their own: it exists from the first test that needs it to the last,
// and is deleted when the run is interrupted, too.
package kindcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

// Options describe the cluster of a test package.
type Options struct {
	// Name begins the name of the cluster.
	Name string
	// Note is the environment variable with the path of a file into which the name of the cluster is written, for whoever kills the run.
	Note string
	// Workers is the number of cluster nodes beside the control plane. Default: 0.
	Workers int
}

// Cluster is a kind cluster with the images of the candidate and of its nodes. Its fields are set once it exists.
type Cluster struct {
	Kind     *cluster.Kind
	Config   *rest.Config
	Core     kubernetes.Interface
	Networks versioned.Interface

	options Options
	dir     string
	// interrupted ends with the first signal.
	interrupted context.Context
	interrupt   context.CancelFunc
	// creating is held while the cluster is created: it may have more parts afterwards than before.
	creating       sync.Mutex
	create, remove func() error
}

// ErrSkip is the error of a machine where there can be no such cluster, for a reason that is no fault of what is tested.
var ErrSkip = errors.New("left out")

// createTimeout is how long kind and the images may take.
const createTimeout = 20 * time.Minute

// New describes a cluster; Create creates it.
func New(o Options) *Cluster {
	c := &Cluster{options: o}
	c.interrupted, c.interrupt = context.WithCancel(context.Background())
	c.create, c.remove = sync.OnceValue(c.createNow), sync.OnceValue(c.removeNow)
	return c
}

// Main is the TestMain of the package: it runs the tests, deletes the cluster and exits. A run that is interrupted deletes it too.
func (c *Cluster) Main(run func() int) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		c.interrupt()
		c.creating.Lock()
		c.exit(1)
	}()
	c.exit(run())
}

// exit is for the end of the tests and for the signal that ends them: who comes second waits for the first.
func (c *Cluster) exit(code int) {
	if err := c.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// Need creates the cluster with the first call. It skips a test where there can be none, and where LIFECYCLE_TESTS=true is not set.
func (c *Cluster) Need(t testing.TB) {
	t.Helper()
	if testing.Short() || os.Getenv("LIFECYCLE_TESTS") != "true" {
		t.Skip("left out: LIFECYCLE_TESTS=true runs it, in a cluster of its own, unless -short is given")
	}
	switch err := c.Create(); {
	case errors.Is(err, ErrSkip):
		testtools.Missing(t, err.Error())
	case err != nil:
		t.Fatal(err)
	}
}

// Create creates the cluster with the first call, from the variables CANDIDATE_IMAGE, BITCOIND_IMAGE, NODE_IMAGE and KIND_CONFIG. Error:
// ErrSkip.
func (c *Cluster) Create() error { return c.create() }

func (c *Cluster) createNow() error {
	c.creating.Lock()
	defer c.creating.Unlock()
	ctx, cancel := context.WithTimeout(c.interrupted, createTimeout)
	defer cancel()
	candidate, node := os.Getenv("CANDIDATE_IMAGE"), os.Getenv("BITCOIND_IMAGE")
	if candidate == "" || node == "" {
		return fmt.Errorf("%w: CANDIDATE_IMAGE and BITCOIND_IMAGE must name the images of the operator and of its nodes, as scripts/test.sh does", ErrSkip)
	}
	if err := cluster.Engine(ctx, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrSkip, err)
	}
	config, err := kindConfig(c.options.Workers)
	if err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", c.options.Name+"-"); err != nil {
		return err
	}
	name, kubeconfig := cluster.UniqueName(c.options.Name), filepath.Join(c.dir, "kubeconfig")
	// Before there is anything to delete, so that an unfinished cluster is deleted too: here, or by the one who kills this run.
	if c.Kind, err = cluster.Open(name, kubeconfig, nil); err != nil {
		return err
	}
	if note := os.Getenv(c.options.Note); note != "" {
		if err := os.WriteFile(note, []byte(name), 0o644); err != nil {
			return err
		}
	}
	if _, err := cluster.Create(ctx, cluster.Options{Name: name, NodeImage: os.Getenv("NODE_IMAGE"), Config: config, Kubeconfig: kubeconfig}, ""); err != nil {
		return err
	}
	images := []string{candidate, node}
	if page := PageImage(); page != "" {
		images = append(images, page)
	}
	if _, err := c.Kind.LoadImages(ctx, image.Access{}, images...); err != nil {
		if errors.Is(err, image.ErrRegistryAuth) {
			return fmt.Errorf("%w: the tests have no credentials for the registry: %w", ErrSkip, err)
		}
		return err
	}
	return c.connect(kubeconfig)
}

// PageImage is the image of the live page among those in the variable CANDIDATE_IMAGES; "" without it.
func PageImage() string {
	for ref := range strings.FieldsSeq(os.Getenv("CANDIDATE_IMAGES")) {
		if strings.Contains(ref, "/kubectl-btcnet:") {
			return ref
		}
	}
	return ""
}

func (c *Cluster) connect(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	// Tests list objects by every version that these have, old ones among them.
	config.WarningHandler = rest.NoWarnings{}
	c.Config, c.Core, c.Networks = config, kubernetes.NewForConfigOrDie(config), versioned.NewForConfigOrDie(config)
	return nil
}

func (c *Cluster) removeNow() error {
	var err error
	if c.Kind != nil {
		if err = c.Kind.Delete(context.Background()); err == nil {
			os.Remove(os.Getenv(c.options.Note))
		}
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
