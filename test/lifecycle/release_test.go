//go:build e2e

package lifecycle

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/test/kindcluster"
)

const (
	releaseName    = "bitcoin-controller"
	definition     = "bitcoinnetworks.bitcoincontroller.christianb93.github.com"
	masterKey      = "bitcoin-controller-master-key"
	lease          = "bitcoin-controller.bitcoincontroller.christianb93.github.com"
	helmTimeout    = 9 * time.Minute
	operatorLabels = "app.kubernetes.io/name=bitcoin-controller,app.kubernetes.io/instance=" + releaseName
)

// release is a release of the chart in a namespace, of the test's own.
type release struct {
	*testing.T
	namespace string
}

// newRelease names a release that is not installed yet. After the test it is gone, with the definition and the namespaces,
// which are created here, except that Helm creates the release's own.
func newRelease(t *testing.T, namespace string, others ...string) *release {
	t.Helper()
	needCluster(t)
	r := &release{t, namespace}
	for _, name := range others {
		ok(t, createNamespace(name))
	}
	t.Cleanup(func() {
		if t.Failed() {
			r.dump(others)
		}
		r.uninstall()
		r.deleteDefinition()
		for _, name := range append(others, namespace) {
			if err := testCluster.Core.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil && !errors.IsNotFound(err) {
				t.Error(err)
			}
		}
	})
	return r
}

// candidate is the chart under test.
func candidate(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join(root, "charts/bitcoin-controller"))
	ok(t, err)
	return c
}

// older is the chart as this repository first had it: it has no value rpcauthDelivery, and its definition no spec.expose. With the
// candidate's image, which it names by its tag and the candidate by digest, an upgrade changes the operator's image as any other
// does; olderProgram is the one of its time.
func older(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadFile("testdata/bitcoin-controller-0.0.1.tgz")
	ok(t, err)
	return c
}

// images are the values that a candidate's package brings with it, and that the chart had from the start.
func images(byDigest bool) map[string]any {
	return map[string]any{
		"image":     imageValues(os.Getenv("CANDIDATE_IMAGE"), byDigest),
		"nodeImage": map[string]any{"repository": os.Getenv("BITCOIND_IMAGE")},
	}
}

// imageValues are a chart's values of an image.
func imageValues(ref string, byDigest bool) map[string]any {
	name, digest, _ := strings.Cut(ref, "@")
	colon := strings.LastIndex(name, ":")
	if colon <= strings.LastIndex(name, "/") {
		colon = len(name)
	}
	v := map[string]any{"repository": name[:colon], "tag": strings.TrimPrefix(name[colon:], ":")}
	if byDigest {
		v["digest"] = digest
	}
	return v
}

// values are these in YAML, and the images of the candidate.
func values(t *testing.T, text string) map[string]any {
	t.Helper()
	own := map[string]any{}
	ok(t, yaml.Unmarshal([]byte(text), &own))
	all := images(true)
	if page := kindcluster.PageImage(); page != "" {
		all["page"] = map[string]any{"image": imageValues(page, true)}
	}
	return chartutil.CoalesceTables(own, all)
}

// flags are those of both releases of Helm for the cluster and the namespace.
func (r *release) flags() *genericclioptions.ConfigFlags {
	flags := genericclioptions.NewConfigFlags(false)
	kubeconfig := testCluster.Kind.Kubeconfig
	flags.KubeConfig, flags.Namespace = &kubeconfig, &r.namespace
	return flags
}

// helm is Helm 3; see helm4 for Helm 4.
func (r *release) helm() *action.Configuration {
	r.Helper()
	c := new(action.Configuration)
	ok(r.T, c.Init(r.flags(), r.namespace, "secrets", func(string, ...any) {}))
	return c
}

// installer has what `helm install --create-namespace --wait` has.
func (r *release) installer() *action.Install {
	a := action.NewInstall(r.helm())
	a.ReleaseName, a.Namespace, a.CreateNamespace, a.Wait, a.Timeout = releaseName, r.namespace, true, true, helmTimeout
	return a
}

func (r *release) install(c *chart.Chart, values map[string]any) {
	r.Helper()
	_, err := r.installer().RunWithContext(r.Context(), c, maps.Clone(values))
	ok(r.T, err)
}

func (r *release) upgrade(c *chart.Chart, values map[string]any) {
	r.Helper()
	a := action.NewUpgrade(r.helm())
	a.Namespace, a.Wait, a.Timeout = r.namespace, true, helmTimeout
	_, err := a.RunWithContext(r.Context(), releaseName, c, maps.Clone(values))
	ok(r.T, err)
}

func (r *release) rollback(revision int) {
	r.Helper()
	a := action.NewRollback(r.helm())
	a.Version, a.Wait, a.Timeout = revision, true, helmTimeout
	ok(r.T, a.Run(releaseName))
}

func (r *release) uninstall() {
	r.Helper()
	a := action.NewUninstall(r.helm())
	a.Wait, a.IgnoreNotFound, a.Timeout = true, true, helmTimeout
	if _, err := a.Run(releaseName); err != nil {
		r.Errorf("uninstall: %v", err)
	}
}

// deleteDefinition deletes the definition with all networks, and waits until they are gone.
func (r *release) deleteDefinition() {
	r.Helper()
	eventually(r.T, "the definition to be gone", func() error {
		err := crds().ApiextensionsV1().CustomResourceDefinitions().Delete(context.Background(), definition, metav1.DeleteOptions{})
		if errors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			err = context.DeadlineExceeded
		}
		return err
	})
}
