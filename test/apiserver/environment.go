package apiserver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// startTimeout is for a machine that is busy with other tests.
const startTimeout = 2 * time.Minute

// Environment is an API server with the definition of the chart, and what is needed to use it as an administrator.
type Environment struct {
	Config  *rest.Config
	Clients kubernetes.Interface
	// Client reads and writes without a cache.
	Client client.Client
	// Scheme has the types of Kubernetes and of the operator.
	Scheme *apiruntime.Scheme
	// Kubeconfig is a file for programs such as kubectl.
	Kubeconfig string

	dir      string
	plane    *envtest.Environment
	manager  *exec.Cmd
	webhooks webhookServer
}

// started is the environment of this process.
var started struct {
	sync.Mutex
	environment *Environment
	err         error
}

// Start returns the environment of the tests of this process, and starts it for the first of them.
func Start(t testing.TB) *Environment {
	t.Helper()
	started.Lock()
	defer started.Unlock()
	if started.environment == nil && started.err == nil {
		started.environment, started.err = start(definitions)
	}
	if errors.Is(started.err, errNoPrograms) {
		testtools.Missing(t, started.err.Error())
	}
	if started.err != nil {
		t.Fatal(started.err)
	}
	return started.environment
}

// StartApart returns an environment of the test's own, whose API server has no definition of LightningNetworks.
func StartApart(t testing.TB) *Environment {
	t.Helper()
	e, err := start(filepath.Join(definitions, "bitcoincontroller.christianb93.github.com_bitcoinnetworks.yaml"))
	if errors.Is(err, errNoPrograms) {
		testtools.Missing(t, err.Error())
	}
	ok(t, err)
	t.Cleanup(func() { ok(t, e.stopAll()) })
	return e
}

// lightningDefinition is that of LightningNetworks.
func lightningDefinition() envtest.CRDInstallOptions {
	return envtest.CRDInstallOptions{Paths: []string{filepath.Join(definitions, "bitcoincontroller.christianb93.github.com_lightningnetworks.yaml")}, ErrorIfPathMissing: true}
}

// InstallLightning installs the definition of LightningNetworks.
func (e *Environment) InstallLightning(t testing.TB) {
	t.Helper()
	_, err := envtest.InstallCRDs(e.Config, lightningDefinition())
	ok(t, err)
}

// RemoveLightning deletes it, and all LightningNetworks.
func (e *Environment) RemoveLightning(t testing.TB) {
	t.Helper()
	ok(t, envtest.UninstallCRDs(e.Config, lightningDefinition()))
	testtools.Eventually(t, "the API server to have no LightningNetworks", Limit, func() error {
		_, err := e.Clients.Discovery().RESTClient().Get().AbsPath("/apis/bitcoincontroller.christianb93.github.com/v1/lightningnetworks").DoRaw(t.Context())
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("it answers: %w", err)
		}
		return nil
	})
}

// Main runs the tests of a package and then stops the environment, also after a signal. In a process of StartProgram it is the operator.
func Main(m *testing.M) int {
	if os.Getenv(programVariable) != "" {
		return operate()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		os.Exit(1)
	}()
	code := m.Run()
	stop()
	return code
}

// definitions are those of the chart.
var definitions = filepath.Join(sourceRoot(), "charts/bitcoin-controller/files/crds")

func start(crds string) (*Environment, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("%w; simulated nodes have addresses in 127.0.0.0/8, which only Linux has", errNoPrograms)
	}
	// Each operator has a log of its own.
	ctrl.SetLogger(logr.Discard())
	dir, err := os.MkdirTemp("", "apiserver-")
	if err != nil {
		return nil, err
	}
	e := &Environment{dir: dir, Scheme: apiruntime.NewScheme()}
	if err := e.startAll(crds); err != nil {
		return nil, errors.Join(err, e.stopAll())
	}
	return e, nil
}

func (e *Environment) startAll(crds string) error {
	programs, err := findPrograms(e.dir)
	if err != nil {
		return err
	}
	for _, add := range []func(*apiruntime.Scheme) error{scheme.AddToScheme, v1.AddToScheme} {
		if err := add(e.Scheme); err != nil {
			return err
		}
	}
	e.plane = &envtest.Environment{
		BinaryAssetsDirectory: programs, UseExistingCluster: ptr.To(false), Scheme: e.Scheme,
		CRDDirectoryPaths: []string{crds}, ErrorIfCRDPathMissing: true,
		ControlPlaneStartTimeout: startTimeout,
	}
	if e.Config, err = e.plane.Start(); err != nil {
		return err
	}
	e.Config.QPS = -1
	if e.Clients, err = kubernetes.NewForConfig(e.Config); err != nil {
		return err
	}
	if e.Client, err = client.New(e.Config, client.Options{Scheme: e.Scheme}); err != nil {
		return err
	}
	return e.startControllerManager(filepath.Join(programs, controllerManager))
}

// startControllerManager starts the controllers whose work the operator depends on.
func (e *Environment) startControllerManager(program string) error {
	e.Kubeconfig = filepath.Join(e.dir, "kubeconfig")
	if err := os.WriteFile(e.Kubeconfig, e.plane.KubeConfig, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(e.dir, controllerManager+".log"))
	if err != nil {
		return err
	}
	defer log.Close()                 //nolint:errcheck // the process has it
	e.manager = exec.Command(program, //nolint:gosec // a program that findPrograms has found
		"--kubeconfig="+e.Kubeconfig, "--leader-elect=false", "--secure-port=0", "--kube-api-qps=1000", "--kube-api-burst=1000",
		"--controllers=statefulset-controller,garbage-collector-controller,persistentvolumeclaim-protection-controller")
	e.manager.Stdout, e.manager.Stderr = io.Discard, log
	return e.manager.Start()
}

// stop is for the end of the tests and for the signal that ends them: who comes second waits for the first.
func stop() {
	started.Lock()
	defer started.Unlock()
	if started.environment == nil {
		return
	}
	if err := started.environment.stopAll(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the API server:", err)
	}
	started.environment, started.err = nil, errors.New("the API server has been stopped")
}

func (e *Environment) stopAll() error {
	var err error
	if e.manager != nil && e.manager.Process != nil {
		err = errors.Join(err, e.manager.Process.Kill())
		_ = e.manager.Wait() //nolint:errcheck // it was killed
	}
	e.webhooks.stop()
	if e.plane != nil {
		err = errors.Join(err, e.plane.Stop())
	}
	return errors.Join(err, os.RemoveAll(e.dir))
}

// sourceRoot is the root of the repository.
func sourceRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../..")
}
