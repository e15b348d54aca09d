package resources

import (
	policyv1 "k8s.io/api/policy/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// DisruptionBudget lets a drain evict one node of the network after the other: without storage, all at once would lose the channels at both
// of their ends. It is no part of Build, since not every network has one.
func DisruptionBudget(network *v1.LightningNetwork) *policyv1.PodDisruptionBudget {
	return resources.OneAtATime(meta(network, ObjectName(network.Name)+"-pdb"), Labels(network.Name))
}
