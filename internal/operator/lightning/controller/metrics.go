package controller

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	networkLabels = []string{"namespace", "network"}
	nodeLabels    = []string{"namespace", "network", "node"}

	nodesDesc   = prometheus.NewDesc("lightning_network_nodes", "Nodes of a Lightning network by readiness.", []string{"namespace", "network", "ready"}, nil)
	activeDesc  = prometheus.NewDesc("lightning_network_channels", "Desired channels that are active at both ends.", networkLabels, nil)
	desiredDesc = prometheus.NewDesc("lightning_network_channels_desired", "Channels of the specification.", networkLabels, nil)
	walletDesc  = prometheus.NewDesc("lightning_network_wallet_satoshis", "Confirmed balance of a node's wallet, in satoshis.", nodeLabels, nil)
	localDesc   = prometheus.NewDesc("lightning_network_channel_satoshis", "A node's own balance in its active channels, in satoshis.", nodeLabels, nil)
)

// networkCollector exports the latest status of each network. The series of a deleted network end.
type networkCollector struct{ states *stateStore }

func (c networkCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{nodesDesc, activeDesc, desiredDesc, walletDesc, localDesc} {
		descs <- desc
	}
}

func (c networkCollector) Collect(out chan<- prometheus.Metric) {
	for key, status := range c.states.observations() {
		gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{key.Namespace, key.Name}, labels...)...)
		}
		ready := float64(status.ReadyNodes)
		gauge(nodesDesc, ready, "true")
		gauge(nodesDesc, float64(len(status.Nodes))-ready, "false")
		gauge(activeDesc, float64(status.ActiveChannels))
		gauge(desiredDesc, float64(status.DesiredChannels))
		for i := range status.Nodes {
			name := strconv.Itoa(int(status.Nodes[i].Ordinal))
			gauge(walletDesc, float64(status.Nodes[i].WalletBalance), name)
			gauge(localDesc, float64(status.Nodes[i].ChannelBalance), name)
		}
	}
}
