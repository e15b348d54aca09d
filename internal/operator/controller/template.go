package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// keepTemplate returns a desired StatefulSet, and the ConfigMap before it, as an earlier operator built them, while nothing else changes
// in the pods; otherwise as they are. An upgrade of the operator, whose image delivers the rpcauth line, or of the cluster must not
// restart every node.
func keepTemplate(network *v1.BitcoinNetwork, settings resources.Settings, config client.Object, set, existing *appsv1.StatefulSet) (client.Object, *appsv1.StatefulSet, error) {
	if existing == nil {
		return config, set, nil
	}
	earlier := settings
	earlier.EarlierNodes = resources.HasEarlierNodes(existing)
	delivery, has := resources.RPCAuthDeliveryOf(existing)
	if has {
		earlier.RPCAuth = delivery
	}
	if earlier.EarlierNodes == settings.EarlierNodes && earlier.RPCAuth == settings.RPCAuth {
		return config, set, nil
	}
	objects := resources.Build(network, earlier)
	for i, object := range objects {
		kept, ok := object.(*appsv1.StatefulSet)
		if !ok || kept.Name != set.Name {
			continue
		}
		applied, err := apply.New(kept)
		if err != nil {
			return nil, nil, err
		}
		if same, err := applied.SameTemplate(existing); err != nil || same {
			return objects[i-1], kept, err
		}
	}
	return config, set, nil
}
