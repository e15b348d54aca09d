package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

var (
	networkLabels   = []string{"namespace", "network"}
	nodesDesc       = prometheus.NewDesc("bitcoin_network_nodes", "Nodes of a network by readiness.", append(networkLabels, "ready"), nil)
	connectionsDesc = prometheus.NewDesc("bitcoin_network_connections", "Desired connections that exist.", networkLabels, nil)
	desiredDesc     = prometheus.NewDesc("bitcoin_network_connections_desired", "Connections of the topology.", networkLabels, nil)
	heightDesc      = prometheus.NewDesc("bitcoin_network_height", "Height of the highest block.", networkLabels, nil)
	tipsDesc        = prometheus.NewDesc("bitcoin_network_chain_tips", "Competing branches that the nodes are on; 1 means no fork.", networkLabels, nil)
	blockAgeDesc    = prometheus.NewDesc("bitcoin_network_seconds_since_last_block", "Seconds since the time of the highest block; absent before the first one.", networkLabels, nil)
)

// registerMetrics registers all metrics and returns the function that observes the calls to nodes.
func registerMetrics(registry prometheus.Registerer, states *stateStore) (func(method string, took time.Duration, err error), error) {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "bitcoin_rpc_duration_seconds",
		Help:    "Duration of round trips to nodes, by the first method of the batch.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method"})
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bitcoin_rpc_errors_total",
		Help: "Failed round trips to nodes, by the first method of the batch and by reason.",
	}, []string{"method", "reason"})
	for _, collector := range []prometheus.Collector{duration, failures, networkCollector{states}} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return func(method string, took time.Duration, err error) {
		duration.WithLabelValues(method).Observe(took.Seconds())
		if err != nil {
			failures.WithLabelValues(method, bitcoind.Reason(err)).Inc()
		}
	}, nil
}

// networkCollector exports the latest observation of each network. The series of a deleted network end.
type networkCollector struct{ states *stateStore }

func (c networkCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{nodesDesc, connectionsDesc, desiredDesc, heightDesc, tipsDesc, blockAgeDesc} {
		descs <- desc
	}
}

func (c networkCollector) Collect(out chan<- prometheus.Metric) {
	for key, observed := range c.states.observations() {
		gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{key.Namespace, key.Name}, labels...)...)
		}
		ready := float64(observed.status.ReadyNodes)
		gauge(nodesDesc, ready, "true")
		gauge(nodesDesc, float64(len(observed.status.Nodes))-ready, "false")
		gauge(connectionsDesc, float64(observed.status.Connections))
		gauge(desiredDesc, float64(observed.status.DesiredConnections))
		gauge(heightDesc, float64(observed.status.Height))
		gauge(tipsDesc, float64(observed.status.ChainTips))
		if observed.blockTime > 0 {
			// The times of blocks that are mined in quick succession are ahead of the clock.
			gauge(blockAgeDesc, max(0, time.Since(time.Unix(observed.blockTime, 0)).Seconds()))
		}
	}
}
