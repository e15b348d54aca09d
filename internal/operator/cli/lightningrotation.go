package cli

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// lightningProgress is that of the operator's LightningNetworks. No object has what their pods accept, since the kubelet replaces the file
// in a running pod: the operator reports it in the status.
func lightningProgress(networks []v1.LightningNetwork, configs []corev1.ConfigMap, keys credentials.MasterKeys) (list []rotationProgress) {
	for i := range networks {
		n := &networks[i]
		current, previous := bitcoind.DeriveCredential(keys.Current, string(n.UID)), bitcoind.DeriveCredential(keys.Previous, string(n.UID))
		if isOfAnotherOperator(n.UID, configs, resources.AllowsCredential, current, previous) {
			continue
		}
		p := rotationProgress{network: "LightningNetwork " + n.Namespace + "/" + n.Name, nodes: n.Spec.Nodes}
		for _, node := range n.Status.Nodes {
			if node.Ordinal < n.Spec.Nodes && node.CredentialSalt == current.Salt {
				p.using++
			}
		}
		p.complete = p.using == p.nodes
		list = append(list, p)
	}
	return list
}
