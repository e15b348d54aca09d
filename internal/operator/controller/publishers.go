package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// publishersMissing reports nodes without one of the ZMQ publishers that they are configured with. bitcoind starts all the same: it
// switches all publishers off when it cannot use one address (https://github.com/bitcoin/bitcoin/issues/33715), or has no ZMQ.
func publishersMissing(in *policyInputs) (reason, message string, violated bool) {
	var names []string
	for i := range in.nodes {
		if cause := in.nodes[i].missingPublishers(); cause != "" {
			names = append(names, fmt.Sprintf("%s (%s)", in.nodes[i].name(), cause))
		}
	}
	if len(names) == 0 {
		return "", "", false
	}
	return v1.ReasonPublishersMissing, "nodes do not publish by ZMQ what they are configured to publish: " + phrase.JoinSome(names), true
}

// publishers are the ZMQ publishers that the node is configured with: those of its pod, at ports of its own.
func (n *node) publishers() []bitcoind.Publisher {
	list := resources.Publishers(n.pod)
	for i := range list {
		at := strings.LastIndex(list[i].Address, ":") + 1
		if port, err := strconv.ParseInt(list[i].Address[at:], 10, 32); err == nil {
			list[i].Address = list[i].Address[:at] + strconv.Itoa(n.port(int32(port)))
		}
	}
	return list
}

// missingPublishers describes the configured publishers that a node which answers does not have; "" for none.
func (n *node) missingPublishers() string {
	if n.pod == nil || n.answer == nil || n.answer.restored != nil {
		return ""
	}
	var missing []string
	for _, publisher := range n.publishers() {
		if !slices.Contains(n.answer.publishers, publisher) {
			missing = append(missing, publisher.Type+" at "+publisher.Address)
		}
	}
	switch {
	case len(missing) == 0:
		return ""
	case n.answer.publishersErr != nil:
		return "its bitcoind may be built without ZMQ: " + phrase.OfError(n.answer.publishersErr)
	case len(n.answer.publishers) == 0:
		return "no publisher is active: bitcoind cannot use one of the addresses " + strings.Join(missing, ", ")
	default:
		return "missing: " + strings.Join(missing, ", ")
	}
}
