//go:build e2e

package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/monitoring"
)

// monitored does with the ServiceMonitor what the Prometheus operator makes Prometheus do, and asks what it has scraped every
// question of the dashboard and of the alerts. Red when the operator renames a metric that one of them uses.
func monitored(t *testing.T, r *release, n *network) {
	for _, name := range []string{"prometheus", "unprivileged"} {
		_, err := testCluster.Core.CoreV1().ServiceAccounts("monitoring").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		ok(t, err)
	}
	reader := token(t, "prometheus")
	targets := r.targets()
	if len(targets) != 2 {
		t.Fatalf("the ServiceMonitor finds %d pods, and there are two replicas", len(targets))
	}
	targets[0].rejects("", http.StatusUnauthorized)
	targets[0].rejects(token(t, "unprivileged"), http.StatusForbidden)

	store := monitoring.NewStore()
	var last time.Time
	scrape := func() {
		t.Helper()
		last = time.Now()
		for _, target := range targets {
			body, status, err := target.scraper.Get(t.Context(), reader)
			if err != nil || status != http.StatusOK {
				t.Fatalf("the reader gets %d, %v", status, err)
			}
			ok(t, store.Add(last, body, target.labels))
		}
	}
	scrape()
	// What the queries ask about: calls, new blocks, errors, a network that is not as it should be.
	createNetwork(t, n.namespace, "waiting", v1.BitcoinNetworkSpec{Nodes: 1, Secret: "nowhere"})
	n.mine(2)
	n.reaches(2, 2)
	failing := createNetwork(t, n.namespace, "failing", v1.BitcoinNetworkSpec{Nodes: 2, Mining: &v1.Mining{Interval: &metav1.Duration{Duration: time.Second}}})
	failing.ready(2)
	ok(t, testCluster.Core.CoreV1().Pods(n.namespace).Delete(t.Context(), failing.pod(1), metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0))}))

	questions := questionsOf(t, r)
	eventually(t, "each query to have data", func() error {
		scrape()
		var without []error
		for where, expr := range questions {
			without = append(without, hasData(t, store, where, expr, last))
		}
		return errors.Join(without...)
	})
	r.rings(store, last)
}

// rings checks which alerts ring for a network that waits for its Secret: none of the operator's.
func (r *release) rings(store *monitoring.Store, at time.Time) {
	for _, a := range r.alerts() {
		answer, err := store.Query(r.Context(), a.Expr, at)
		ok(r.T, err)
		if strings.HasPrefix(a.Alert, "BitcoinController") && len(answer) > 0 {
			r.Errorf("%s rings: %v", a.Alert, answer)
		}
		waits := false
		for _, sample := range answer {
			waits = waits || sample.Metric.Get("network") == "waiting" && sample.Metric.Get("namespace") == "equipped"
		}
		if waits != (a.Alert == "BitcoinNetworkNodesNotReady") {
			r.Errorf("%s rings for the network that waits for its Secret: %v", a.Alert, waits)
		}
	}
}

// hasData is an error for a query without an answer, or with a part that names missing metrics. Some alerts ring when a
// metric is absent, so only their parts are checked.
func hasData(t *testing.T, store *monitoring.Store, where, expr string, at time.Time) error {
	t.Helper()
	parts, err := monitoring.Selectors(expr)
	ok(t, err)
	if len(parts) == 0 {
		return fmt.Errorf("%s uses no metric: %s", where, expr)
	}
	for _, part := range parts {
		answer, err := store.Query(t.Context(), part, at)
		ok(t, err)
		if len(answer) == 0 {
			return fmt.Errorf("%s: there is no %s", where, part)
		}
	}
	if strings.HasPrefix(where, "alert ") {
		return nil
	}
	answer, err := store.Query(t.Context(), expr, at)
	ok(t, err)
	for _, sample := range answer {
		// A variable has the values of a label, which the metric must have.
		if !math.IsNaN(sample.F) && !(strings.HasPrefix(where, "variable ") && sample.Metric.IsEmpty()) {
			return nil
		}
	}
	return fmt.Errorf("%s: no data for %s", where, expr)
}

var labelValues = regexp.MustCompile(`^label_values\((.*), ([a-z]+)\)$`)

// questionsOf are all queries of the chart's dashboard and alerts, with one choice for each of the dashboard's variables.
func questionsOf(t *testing.T, r *release) map[string]string {
	t.Helper()
	dashboard, err := monitoring.ReadDashboard(filepath.Join(root, "charts/bitcoin-controller/files/dashboards/bitcoin-networks.json"))
	ok(t, err)
	choice := map[string]string{"job": "bitcoin-controller", "namespace": "equipped", "network": ".*", "__rate_interval": "1m"}
	all := map[string]string{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all["panel "+panel.Title+" "+target.RefID] = monitoring.Expand(target.Expr, choice)
		}
	}
	for _, variable := range dashboard.Templating.List {
		if parts := labelValues.FindStringSubmatch(variable.LabelValues()); parts != nil {
			all["variable "+variable.Name] = fmt.Sprintf("count by (%s) (%s)", parts[2], monitoring.Expand(parts[1], choice))
		}
	}
	for _, a := range r.alerts() {
		all["alert "+a.Alert] = a.Expr
	}
	if len(all) < 20 {
		t.Fatalf("only %d queries were found", len(all))
	}
	return all
}

type alert struct{ Alert, Expr string }

// alerts are those of the PrometheusRule in the cluster.
func (r *release) alerts() []alert {
	r.Helper()
	var rule struct {
		Spec struct{ Groups []struct{ Rules []alert } }
	}
	r.read("prometheusrules", &rule)
	return rule.Spec.Groups[0].Rules
}

// read reads an object of the Prometheus operator that the chart created.
func (r *release) read(resource string, into any) {
	r.Helper()
	object, err := dynamicClient().Resource(schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: resource}).
		Namespace(r.namespace).Get(r.Context(), releaseName, metav1.GetOptions{})
	ok(r.T, err)
	text, err := object.MarshalJSON()
	ok(r.T, err)
	ok(r.T, json.Unmarshal(text, into))
}

// target is a pod that Prometheus scrapes, with the labels that it gives to what it gets.
type target struct {
	*testing.T
	scraper *monitoring.Scraper
	labels  map[string]string
}

func (g target) rejects(token string, want int) {
	g.Helper()
	if _, status, err := g.scraper.Get(g.Context(), token); err != nil || status != want {
		g.Errorf("who may not read the metrics gets %d, %v, and should get %d", status, err, want)
	}
}

// targets follow the ServiceMonitor over the Service to the pods.
func (r *release) targets() []target {
	r.Helper()
	var monitor struct {
		Spec struct {
			JobLabel string `json:"jobLabel"`
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			}
			Endpoints []struct{ Port, Path, Scheme string }
		}
	}
	r.read("servicemonitors", &monitor)
	endpoint := monitor.Spec.Endpoints[0]
	services, err := testCluster.Core.CoreV1().Services(r.namespace).List(r.Context(), metav1.ListOptions{LabelSelector: labels.Set(monitor.Spec.Selector.MatchLabels).String()})
	ok(r.T, err)
	if len(services.Items) != 1 {
		r.Fatalf("the ServiceMonitor selects %d Services", len(services.Items))
	}
	service := services.Items[0]
	name := ""
	for _, port := range service.Spec.Ports {
		if port.Name == endpoint.Port {
			name = port.TargetPort.String()
		}
	}
	pods, err := testCluster.Core.CoreV1().Pods(r.namespace).List(r.Context(), metav1.ListOptions{LabelSelector: labels.Set(service.Spec.Selector).String()})
	ok(r.T, err)
	var list []target
	for _, pod := range pods.Items {
		for _, port := range pod.Spec.Containers[0].Ports {
			if port.Name != name || pod.DeletionTimestamp != nil {
				continue
			}
			scraper, err := monitoring.NewScraper(r.Context(), testCluster.Config, monitoring.Endpoint{
				Namespace: r.namespace, Pod: pod.Name, Port: int(port.ContainerPort), Scheme: endpoint.Scheme, Path: endpoint.Path,
			})
			ok(r.T, err)
			r.Cleanup(scraper.Close)
			list = append(list, target{r.T, scraper, map[string]string{
				"job": service.Labels[monitor.Spec.JobLabel], "namespace": r.namespace, "service": service.Name, "pod": pod.Name,
				"endpoint": endpoint.Port, "container": pod.Spec.Containers[0].Name,
			}})
		}
	}
	return list
}

// token is one that the API server gives to a service account in namespace monitoring.
func token(t *testing.T, account string) string {
	t.Helper()
	request, err := testCluster.Core.CoreV1().ServiceAccounts("monitoring").CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	ok(t, err)
	return request.Status.Token
}
