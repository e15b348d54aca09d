package apiserver_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"

// neverReady has no controller in these tests.
const neverReady = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template: {metadata: {labels: {app: app}}, spec: {containers: [{name: app, image: app}]}}
`

// packaged is a chart with one template.
func packaged(t *testing.T, template string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for path, content := range map[string]string{"app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n", "app/templates/app.yaml": template} {
		check(t, archive.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))}))
		_, err := io.WriteString(archive, content)
		check(t, err)
	}
	check(t, archive.Close())
	check(t, zip.Close())
	return out.Bytes()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// progress is what a run reports.
type progress struct {
	sync.Mutex
	text string
}

func (p *progress) Line(text string) {
	p.Lock()
	defer p.Unlock()
	p.text += text + "\n"
}

func (p *progress) Step(string, string) func(string, error) { return func(string, error) {} }

func (p *progress) lines() string {
	p.Lock()
	defer p.Unlock()
	return p.text
}

// promoterRun is a run of chart-promoter verify on a machine of its own.
type promoterRun struct {
	*testenv.Environment
	*progress
}

// verifying starts a run that tests the release app in a namespace. It returns when the run may install.
func verifying(ctx context.Context, t *testing.T, kubeconfig, namespace string, times cluster.LeaseTimes, p *progress) (*promoterRun, error) {
	t.Helper()
	provider := testenv.Provider{Work: workdir.Dir(t.TempDir()), Report: p, Lease: times, CIRun: "https://ci.example.com/" + namespace}
	e, err := provider.Open(ctx, cluster.Release{Name: "app", Namespace: namespace, Timeout: time.Minute}, testenv.Options{Kubeconfig: kubeconfig}, "")
	return &promoterRun{e, p}, err
}

func mustVerify(t *testing.T, kubeconfig, namespace string, times cluster.LeaseTimes) *promoterRun {
	t.Helper()
	run, err := verifying(t.Context(), t, kubeconfig, namespace, times, &progress{})
	check(t, err)
	return run
}

func (r *promoterRun) install(ctx context.Context, t *testing.T, template string) error {
	t.Helper()
	_, err := r.Helm(4).Apply(ctx, packaged(t, template), r.Release())
	return err
}

// released is the run that the release app is of; the second result is false if there is no release.
func released(t *testing.T, kubeconfig, namespace string) (run string, exists bool) {
	t.Helper()
	last, err := cluster.Helm{Major: 3, Kubeconfig: kubeconfig}.Installed(cluster.Release{Name: "app", Namespace: namespace})
	check(t, err)
	if last == nil {
		return "", false
	}
	return last.Run, true
}

// leases are the holders of the leases in a namespace.
func leases(t *testing.T, e *apiserver.Environment, namespace string) (holders []string) {
	t.Helper()
	list, err := e.Clients.CoordinationV1().Leases(namespace).List(t.Context(), metav1.ListOptions{})
	check(t, err)
	for _, l := range list.Items {
		holders = append(holders, l.Name+": "+*l.Spec.HolderIdentity)
	}
	return holders
}

// isGone checks that a namespace has nothing of a run.
func isGone(t *testing.T, e *apiserver.Environment, namespace string) {
	t.Helper()
	run, exists := released(t, e.Kubeconfig, namespace)
	_, err := e.Clients.CoreV1().ConfigMaps(namespace).Get(t.Context(), "app", metav1.GetOptions{})
	if held := leases(t, e, namespace); exists || !apierrors.IsNotFound(err) || len(held) > 0 {
		t.Errorf("left are the release of %q: %t, its ConfigMap: %v, leases: %q", run, exists, err, held)
	}
}

// breakable is a kubeconfig whose connections end with cut, and no new ones succeed.
func breakable(t *testing.T, e *apiserver.Environment) (kubeconfig string, cut func()) {
	t.Helper()
	server, err := url.Parse(e.Config.Host)
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { _ = l.Close() })
	t.Cleanup(cancel)
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server.Host)
			if err != nil {
				_ = from.Close()
				continue
			}
			context.AfterFunc(ctx, func() { _, _ = from.Close(), to.Close() })
			go func() { _, _ = io.Copy(to, from) }()
			go func() { _, _ = io.Copy(from, to) }()
		}
	}()
	text, err := os.ReadFile(e.Kubeconfig)
	check(t, err)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	check(t, os.WriteFile(kubeconfig, []byte(strings.ReplaceAll(string(text), server.Host, l.Addr().String())), 0o600))
	return kubeconfig, cancel
}
