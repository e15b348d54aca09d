package tree

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Lightning is the line of a LightningNetwork.
func Lightning(network *v1.LightningNetwork) string {
	status := network.Status
	state := "Unknown"
	if ready := meta.FindStatusCondition(status.Conditions, v1.LightningConditionReady); ready != nil {
		state = ready.Reason
	}
	return fmt.Sprintf("%s: %s, %d of %d nodes ready, %d of %d channels active", network.Name, state, status.ReadyNodes, network.Spec.Nodes,
		status.ActiveChannels, status.DesiredChannels)
}

// WithLightning adds those LightningNetworks to the tree of their BitcoinNetwork that are on it.
func (i Item) WithLightning(network *v1.BitcoinNetwork, lightning []v1.LightningNetwork) Item {
	for n := range lightning {
		if l := &lightning[n]; l.Namespace == network.Namespace && l.Spec.BitcoinNetwork == network.Name {
			i.Below = append(i.Below, Item{Text: "Lightning network " + Lightning(l)})
		}
	}
	return i
}
