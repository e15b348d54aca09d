// Command picture watches the operator's metrics and draws what the chart's dashboard shows of them as an SVG file, for the
// documentation and for those who have no Grafana. The queries are the dashboard's, and Prometheus' own engine answers them.
// picture.sh beside it makes the one in the documentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/test/monitoring"
)

type options struct {
	dashboard, out      string
	rows                string
	namespace, selector string
	account             string
	networks            string
	every, length       time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.dashboard, "dashboard", "charts/bitcoin-controller/files/dashboards/bitcoin-networks.json", "the dashboard")
	flag.StringVar(&o.rows, "rows", "Networks,RPC to the nodes", "its rows that are drawn, by title")
	flag.StringVar(&o.out, "out", "dashboard.svg", "file to write")
	flag.StringVar(&o.namespace, "namespace", "bitcoin-controller", "namespace of the operator")
	flag.StringVar(&o.selector, "selector", "app.kubernetes.io/name=bitcoin-controller", "labels of its pod")
	flag.StringVar(&o.account, "account", "default/picture", "service account that may read the metrics, namespace/name")
	flag.StringVar(&o.networks, "network", ".*", "networks that are drawn, a regular expression")
	flag.DurationVar(&o.every, "every", time.Second, "time between two scrapes")
	flag.DurationVar(&o.length, "for", 2*time.Minute, "how long to watch; an interrupt ends it earlier")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dashboard, err := monitoring.ReadDashboard(o.dashboard)
	if err != nil {
		return err
	}
	store, from, to, err := watch(ctx, o)
	if err != nil {
		return err
	}
	// What was seen is drawn also when the watching was interrupted.
	panels, err := answers(context.WithoutCancel(ctx), dashboard, store, o, from, to)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(o.out), draw(panels, from, to), 0o644) //nolint:gosec // a picture, for everybody
}

// watch scrapes the operator until the time is over.
func watch(ctx context.Context, o options) (store *monitoring.Store, from, to time.Time, err error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, from, to, err
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, from, to, err
	}
	pods, err := clients.CoreV1().Pods(o.namespace).List(ctx, metav1.ListOptions{LabelSelector: o.selector})
	if err == nil && len(pods.Items) == 0 {
		err = fmt.Errorf("there is no pod with %s in the namespace %s", o.selector, o.namespace)
	}
	if err != nil {
		return nil, from, to, err
	}
	token, err := readerToken(ctx, clients, o.account)
	if err != nil {
		return nil, from, to, err
	}
	pod := pods.Items[0].Name
	scraper, err := monitoring.NewScraper(context.WithoutCancel(ctx), config, monitoring.Endpoint{
		Namespace: o.namespace, Pod: pod, Port: 8443, Scheme: "https", Path: "/metrics",
	})
	if err != nil {
		return nil, from, to, err
	}
	defer scraper.Close()
	store, from = monitoring.NewStore(), time.Now()
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		to = time.Now()
		body, status, err := scraper.Get(context.WithoutCancel(ctx), token)
		if err == nil && status != 200 {
			err = fmt.Errorf("the operator answers with status %d; may %s read its metrics?", status, o.account)
		}
		if err == nil {
			err = store.Add(to, body, map[string]string{"job": "bitcoin-controller", "namespace": o.namespace, "pod": pod})
		}
		if err != nil {
			return nil, from, to, err
		}
		select {
		case <-ctx.Done():
			return store, from, to, nil
		case <-tick.C:
			if time.Since(from) > o.length {
				return store, from, to, nil
			}
		}
	}
}

func readerToken(ctx context.Context, clients kubernetes.Interface, account string) (string, error) {
	namespace, name, ok := strings.Cut(account, "/")
	if !ok {
		return "", fmt.Errorf("the account %q is not of the form namespace/name", account)
	}
	request, err := clients.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return request.Status.Token, nil
}

// answers asks the questions of the panels in the rows that are drawn.
func answers(ctx context.Context, d *monitoring.Dashboard, store *monitoring.Store, o options, from, to time.Time) ([]panel, error) {
	choice := map[string]string{"job": ".*", "namespace": ".*", "network": o.networks, "__rate_interval": "15s"}
	rows, row := strings.Split(o.rows, ","), ""
	var panels []panel
	for _, p := range d.Panels {
		if p.Type == "row" {
			row = p.Title
		}
		if p.Type != "timeseries" || !slices.Contains(rows, row) {
			continue
		}
		one := panel{title: p.Title, unit: p.FieldConfig.Defaults.Unit, x: p.GridPos.X, y: p.GridPos.Y, w: p.GridPos.W, h: p.GridPos.H}
		for _, target := range p.Targets {
			series, err := store.Range(ctx, monitoring.Expand(target.Expr, choice), from, to, o.every)
			if err != nil {
				return nil, fmt.Errorf("panel %s: %w", p.Title, err)
			}
			for _, s := range series {
				one.lines = append(one.lines, line{legend(target.LegendFormat, s.Labels), s.Points})
			}
		}
		panels = append(panels, one)
	}
	if len(panels) == 0 {
		return nil, errors.New("the dashboard has no such rows")
	}
	return panels, nil
}

// legend fills in {{label}}, as Grafana does.
func legend(format string, labels map[string]string) string {
	for name, value := range labels {
		format = strings.ReplaceAll(format, "{{"+name+"}}", value)
	}
	return format
}
