package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

var (
	rpcDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "bitcoin_rpc_duration_seconds",
		Help:    "How long round trips to nodes took, by the first method of the batch.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method"})
	rpcErrors = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bitcoin_rpc_errors_total",
		Help: "Round trips to nodes that failed, by the first method of the batch and by reason.",
	}, []string{"method", "reason"})

	networkLabels   = []string{"namespace", "network"}
	nodesDesc       = prometheus.NewDesc("bitcoin_network_nodes", "Nodes of a network by readiness.", append(networkLabels, "ready"), nil)
	connectionsDesc = prometheus.NewDesc("bitcoin_network_connections", "Connections that exist, of those the topology asks for.", networkLabels, nil)
	desiredDesc     = prometheus.NewDesc("bitcoin_network_connections_desired", "Connections that the topology asks for.", networkLabels, nil)
	heightDesc      = prometheus.NewDesc("bitcoin_network_height", "Height of the highest block.", networkLabels, nil)
	tipsDesc        = prometheus.NewDesc("bitcoin_network_chain_tips", "Competing branches that the nodes are on; 1 means no fork.", networkLabels, nil)
	blockAgeDesc    = prometheus.NewDesc("bitcoin_network_seconds_since_last_block", "Seconds since the time of the highest block; absent before the first one.", networkLabels, nil)
)

func observeRPC(method string, took time.Duration, err error) {
	rpcDuration.WithLabelValues(method).Observe(took.Seconds())
	if err != nil {
		rpcErrors.WithLabelValues(method, bitcoind.Reason(err)).Inc()
	}
}

func registerMetrics(m *memories) error {
	for _, collector := range []prometheus.Collector{rpcDuration, rpcErrors, networkCollector{m}} {
		if err := metrics.Registry.Register(collector); err != nil {
			return err
		}
	}
	return nil
}

// networkCollector shows the networks as they were last seen. A network that is deleted leaves no series behind.
type networkCollector struct{ memories *memories }

func (c networkCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{nodesDesc, connectionsDesc, desiredDesc, heightDesc, tipsDesc, blockAgeDesc} {
		descs <- desc
	}
}

func (c networkCollector) Collect(out chan<- prometheus.Metric) {
	for key, seen := range c.memories.snapshots() {
		gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{key.Namespace, key.Name}, labels...)...)
		}
		ready := float64(seen.status.ReadyNodes)
		gauge(nodesDesc, ready, "true")
		gauge(nodesDesc, float64(len(seen.status.Nodes))-ready, "false")
		gauge(connectionsDesc, float64(seen.status.Connections))
		gauge(desiredDesc, float64(seen.status.DesiredConnections))
		gauge(heightDesc, float64(seen.status.Height))
		gauge(tipsDesc, float64(seen.status.ChainTips))
		if seen.blockTime > 0 {
			// The times of blocks that are mined at once run ahead of the clock.
			gauge(blockAgeDesc, max(0, time.Since(time.Unix(seen.blockTime, 0)).Seconds()))
		}
	}
}
