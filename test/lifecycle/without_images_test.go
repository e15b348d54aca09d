//go:build e2e

package lifecycle

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	helmcli "helm.sh/helm/v3/pkg/cli"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// published are the images of a published chart: name and digest.
type published struct{ operator, node string }

// As every user of a chart repository has it: `helm install --repo URL bitcoin-controller` without a value, in a cluster that has no
// image of ours and pulls both by the digests in the package.
//
// It is in the last file of the package, so that no other test follows: the cluster does not find the images under their other names afterwards.
func TestAPublishedChartRunsNetworksFromARegistryWithNoValueSet(t *testing.T) {
	const space = "pulling"
	needCluster(t)
	forget(t)
	r := newRelease(t, "pulled", space)
	repository, want := publishChart(t)
	for _, variable := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(variable, t.TempDir())
	}
	install := r.installer()
	install.RepoURL = repository
	file, err := install.LocateChart(releaseName, helmcli.New())
	ok(t, err)
	c, err := loader.LoadFile(file)
	ok(t, err)
	r.install(c, nil)

	users(t, space)
	n := createNetwork(t, space, "fresh", v1.BitcoinNetworkSpec{Nodes: 3, Secret: "users"})
	n.ready(3)
	n.mine(1)
	n.reaches(1, 3)

	operators, err := testCluster.Core.CoreV1().Pods(r.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: operatorLabels})
	ok(t, err)
	if len(operators.Items) != 1 {
		t.Fatalf("%d pods of the operator", len(operators.Items))
	}
	runs(t, &operators.Items[0], want.operator)
	pulls(t, r.namespace, want.operator)
	for _, pod := range n.pods(3) {
		runs(t, pod, want.node)
	}
	pulls(t, space, want.node)
}

// publishChart publishes the chart in a repository that is served over HTTP, and its images in a registry of the cluster's network
// under the names that they have in the chart's values.
func publishChart(t *testing.T) (url string, images published) {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "bitcoin-controller")
	ok(t, os.CopyFS(source, os.DirFS(filepath.Join(root, "charts/bitcoin-controller"))))
	text, err := os.ReadFile(filepath.Join(source, "values.yaml"))
	ok(t, err)
	operator, node := chart.TextAt(text, "image.repository"), chart.TextAt(text, "nodeImage.repository")
	host, operatorPath := image.Split(operator)
	nodeHost, nodePath := image.Split(node)
	if nodeHost != host {
		t.Fatalf("the chart names the registries %s and %s; the test has one", host, nodeHost)
	}
	address := startRegistry(t, host)
	push := func(variable, path string) string {
		digest, _, err := image.Access{}.Push(t.Context(), inRegistry(t, os.Getenv(variable)), address+"/"+path+":1.2.3", false)
		ok(t, err)
		return digest
	}
	operatorDigest, nodeDigest := push("CANDIDATE_IMAGE", operatorPath), push("BITCOIND_IMAGE", nodePath)
	for file, changes := range map[string][]chart.Change{
		"Chart.yaml":  {{Path: "version", Value: "1.2.3"}, {Path: "appVersion", Value: "1.2.3"}},
		"values.yaml": {{Path: "image.digest", Value: operatorDigest}, {Path: "nodeImage.digest", Value: nodeDigest}},
	} {
		path := filepath.Join(source, file)
		text, err := os.ReadFile(path)
		ok(t, err)
		text, err = chart.Edit(text, changes)
		ok(t, err)
		ok(t, os.WriteFile(path, text, 0o600))
	}
	pkg, err := chart.Pack(source)
	ok(t, err)
	served := filepath.Join(dir, "served")
	target, err := publish.Open(publish.Config{Directory: served})
	ok(t, err)
	_, err = target.Publish(t.Context(), publish.Item{Package: pkg})
	ok(t, err)
	server := httptest.NewServer(devserver.Charts(served, ""))
	t.Cleanup(server.Close)
	return server.URL, published{operator + "@" + operatorDigest, node + "@" + nodeDigest}
}

// runs checks that the one container of a pod runs an image, by the digest that the node reports.
func runs(t *testing.T, pod *corev1.Pod, image string) {
	t.Helper()
	if list := pod.Status.ContainerStatuses; len(list) != 1 || list[0].ImageID != image {
		t.Errorf("pod %s runs %+v, want %s", pod.Name, list, image)
	}
}

// pulls waits for the event of a cluster node that has pulled the image for a pod of a namespace.
func pulls(t *testing.T, namespace, image string) {
	t.Helper()
	_, digest, _ := strings.Cut(image, "@")
	testtools.Eventually(t, "an event of the pull of "+image, time.Minute, func() error {
		events, err := testCluster.Core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Pulled"})
		if err != nil {
			return err
		}
		var seen []string
		for _, e := range events.Items {
			if strings.HasPrefix(e.Message, "Successfully pulled image ") && strings.Contains(e.Message, digest) {
				return nil
			}
			seen = append(seen, e.Message)
		}
		return fmt.Errorf("the events are %q", seen)
	})
}
