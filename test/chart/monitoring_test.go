package chart_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/controller"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/monitoring"
)

// The metrics of networks and of the RPC, with their labels, as the operator's documentation has them. The dashboard shows all
// of them.
var ownMetrics = map[string][]string{
	"bitcoin_network_nodes":                    {"namespace", "network", "ready"},
	"bitcoin_network_connections":              {"namespace", "network"},
	"bitcoin_network_connections_desired":      {"namespace", "network"},
	"bitcoin_network_height":                   {"namespace", "network"},
	"bitcoin_network_chain_tips":               {"namespace", "network"},
	"bitcoin_network_seconds_since_last_block": {"namespace", "network"},
	"bitcoin_rpc_duration_seconds":             {"method", "le"},
	"bitcoin_rpc_errors_total":                 {"method", "reason"},
}

// The metrics of Lightning networks.
var lightningMetrics = map[string][]string{
	"lightning_network_nodes":            {"namespace", "network", "ready"},
	"lightning_network_channels":         {"namespace", "network"},
	"lightning_network_channels_desired": {"namespace", "network"},
	"lightning_network_wallet_satoshis":  {"namespace", "network", "node"},
	"lightning_network_channel_satoshis": {"namespace", "network", "node"},
	"lightning_controller_waiting":       {},
}

// The metrics of controller-runtime and client_golang that the chart uses.
var otherMetrics = map[string][]string{
	"controller_runtime_active_workers":         {"controller"},
	"controller_runtime_reconcile_errors_total": {"controller"},
	"controller_runtime_reconcile_time_seconds": {"controller", "le"},
	"controller_runtime_reconcile_total":        {"controller", "result"},
	"leader_election_master_status":             {"name"},
	"process_cpu_seconds_total":                 {},
	"process_resident_memory_bytes":             {},
	"workqueue_depth":                           {"name"},
}

// Labels that Prometheus itself gives to everything it scrapes in a cluster.
var targetLabels = []string{"job", "namespace", "pod", "instance"}

var metricName = regexp.MustCompile(`\b(bitcoin|lightning|controller_runtime|leader_election|process|workqueue)_[a-z_]+`)

// base strips what a histogram adds to its name.
func base(metric string) string {
	for _, ending := range []string{"_bucket", "_count", "_sum"} {
		if name, ok := strings.CutSuffix(metric, ending); ok {
			return name
		}
	}
	return metric
}

// labelName finds the labels in selectors and in "by (…)".
var (
	selector  = regexp.MustCompile(`\{([^}]*)\}`)
	matcher   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouping  = regexp.MustCompile(`by \(([^)]*)\)`)
	separator = regexp.MustCompile(`[,\s]+`)
)

func labelsIn(expr string) []string {
	var out []string
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[1], -1) {
			out = append(out, m[1])
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		out = append(out, separator.Split(g[1], -1)...)
	}
	return out
}

// expressions are all queries of the chart, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, file := range dashboards {
		d := readDashboard(t, file)
		for _, panel := range d.Panels {
			for _, target := range panel.Targets {
				out["panel "+file+" "+panel.Title+" "+target.RefID] = target.Expr
			}
		}
		for _, variable := range d.Templating.List {
			if query := variable.LabelValues(); query != "" {
				out["variable "+file+" "+variable.Name] = query
			}
		}
	}
	for _, values := range []string{"", "leaderElection: {enabled: false}\n", lightningOn} {
		for _, a := range alerts(t, values) {
			out["alert "+a.Alert+" "+values] = a.Expr
		}
	}
	return out
}

func alerts(t *testing.T, values string) []alert {
	t.Helper()
	objects := release{}.objects(t, values+"metrics: {prometheusRule: {enabled: true}}")
	return as[rules](t, find(t, objects, "PrometheusRule", "bitcoin-controller")).Spec.Groups[0].Rules
}

func TestQueriesUseMetricsThatExist(t *testing.T) {
	for where, expr := range expressions(t) {
		names := metricName.FindAllString(expr, -1)
		if len(names) == 0 && !strings.HasPrefix(expr, "absent(up{") {
			t.Errorf("%s uses no metric of the operator: %s", where, expr)
		}
		known := slices.Clone(targetLabels)
		for _, name := range names {
			labels, exported := []string(nil), false
			for _, list := range []map[string][]string{ownMetrics, lightningMetrics, otherMetrics} {
				if found, ok := list[base(name)]; ok {
					labels, exported = found, true
				}
			}
			if !exported {
				t.Errorf("%s uses %s, which the operator does not export", where, name)
			}
			known = append(known, labels...)
		}
		for _, label := range labelsIn(expr) {
			if !slices.Contains(known, label) {
				t.Errorf("%s uses the label %s, which %v do not have", where, label, names)
			}
		}
		for _, pair := range []string{"()", "{}", "[]"} {
			if strings.Count(expr, pair[:1]) != strings.Count(expr, pair[1:]) {
				t.Errorf("%s: %s do not match in %s", where, pair, expr)
			}
		}
	}
}

// Prometheus' own parser reads every query.
func TestQueriesAreWellFormed(t *testing.T) {
	variables := map[string]string{"__rate_interval": "1m", "job": ".*", "namespace": ".*", "network": ".*"}
	for where, expr := range expressions(t) {
		if strings.HasPrefix(where, "variable ") {
			continue // label_values() is Grafana's
		}
		if _, err := monitoring.Selectors(monitoring.Expand(expr, variables)); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// Red as soon as the operator's code renames a metric that the chart uses: a registry rejects a second collector of a
// name, but takes a new one.
func TestOperatorRegistersTheMetrics(t *testing.T) {
	register(t)
	for _, name := range slices.Concat(sortedKeys(ownMetrics), sortedKeys(lightningMetrics), sortedKeys(otherMetrics)) {
		probe := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "is this name taken?"})
		if err := metrics.Registry.Register(probe); err == nil {
			metrics.Registry.Unregister(probe)
			t.Errorf("the operator registers no metric %s", name)
		}
	}
}

// register adds the operator's controller to a manager that never talks to a cluster, as the program does at its start.
func register(t *testing.T) {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	if err := v1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	for kind := range scheme.Scheme.AllKnownTypes() {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	mgr, err := ctrl.NewManager(&rest.Config{Host: "127.0.0.1:1"}, ctrl.Options{
		Scheme: scheme.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := controller.Add(mgr, controller.Options{MaxConcurrentReconciles: 1}); err != nil {
		t.Fatal(err)
	}
	if err := lightning.Add(mgr, lightning.Options{MaxConcurrentReconciles: 1}); err != nil {
		t.Fatal(err)
	}
}

// Prometheus rejects a scrape that may take longer than the interval; its own limit, which it uses where none is given, gives way.
func TestScrapesHaveNoLimitOfTheirOwn(t *testing.T) {
	for values, want := range map[string]any{"interval: 5s": nil, "interval: 30s, scrapeTimeout: 20s": "20s"} {
		objects := release{}.objects(t, "metrics: {serviceMonitor: {enabled: true, "+values+"}}")
		spec := find(t, objects, "ServiceMonitor", "bitcoin-controller").Object["spec"].(map[string]any)
		if got := spec["endpoints"].([]any)[0].(map[string]any)["scrapeTimeout"]; got != want {
			t.Errorf("with %s a scrape may take %v, want %v", values, got, want)
		}
	}
}

func TestAlertsAreFewAndDescribeWhatToDo(t *testing.T) {
	list := alerts(t, "")
	if len(list) > 5 {
		t.Errorf("%d alerts are more than one wants at night", len(list))
	}
	for _, a := range list {
		if a.For == "" {
			t.Errorf("%s rings at the first glitch", a.Alert)
		}
		if s := a.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s has the severity %q", a.Alert, s)
		}
		for _, key := range []string{"summary", "description"} {
			if a.Annotations[key] == "" {
				t.Errorf("%s has no %s", a.Alert, key)
			}
		}
	}
}

// The job in the alerts is the value of the label by which the ServiceMonitor names the job, on the Service it selects.
func TestServiceMonitorFindsTheService(t *testing.T) {
	for _, values := range []string{"", "nameOverride: btc\n", "fullnameOverride: other\n"} {
		objects := release{name: "elsewhere"}.objects(t, values+"metrics: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}}")
		var labels, selects map[string]any
		var job string
		for _, u := range objects {
			switch u.GetKind() {
			case "Service":
				labels = u.Object["metadata"].(map[string]any)["labels"].(map[string]any)
			case "ServiceMonitor":
				spec := u.Object["spec"].(map[string]any)
				selects = spec["selector"].(map[string]any)["matchLabels"].(map[string]any)
				job = spec["jobLabel"].(string)
			}
		}
		for key, value := range selects {
			if labels[key] != value {
				t.Errorf("%q: the ServiceMonitor wants %s=%v, the Service has %v", values, key, value, labels[key])
			}
		}
		for _, u := range objects {
			if u.GetKind() == "PrometheusRule" {
				expr := as[rules](t, u).Spec.Groups[0].Rules[0].Expr
				if want := `job="` + labels[job].(string) + `"`; !strings.Contains(expr, want) {
					t.Errorf("%q: %s does not use %s", values, expr, want)
				}
			}
		}
	}
}
