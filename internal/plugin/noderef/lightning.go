package noderef

import (
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LightningNodes are the desired nodes of a LightningNetwork, by ordinal.
func LightningNodes(network *v1.LightningNetwork) []Node {
	var nodes []Node
	for i := range int(network.Spec.Nodes) {
		nodes = append(nodes, Node{Ordinal: i, Pod: resources.PodName(network.Name, i), Index: i})
	}
	return nodes
}

// LightningNode is Node of a LightningNetwork.
func (r Ref) LightningNode(network *v1.LightningNetwork) (Node, error) {
	return r.choose(LightningNodes(network), "lnnet")
}

// CompleteLightning is Complete for LightningNetworks.
func CompleteLightning(networks []v1.LightningNetwork, prefix string, withNodes bool) []string {
	names := map[string][]Node{}
	for i := range networks {
		names[networks[i].Name] = LightningNodes(&networks[i])
	}
	return complete(names, prefix, withNodes)
}

// Ordered are the ordinals of nodes that begin with a prefix, each with its pod as the description, for the completion of a shell.
func Ordered(nodes []Node, prefix string) []string {
	var found []string
	for _, node := range nodes {
		if text := strconv.Itoa(node.Ordinal); strings.HasPrefix(text, prefix) {
			found = append(found, text+"\t"+node.Pod)
		}
	}
	return found
}
