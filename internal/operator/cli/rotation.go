package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

// checkRotation returns an error when the last rotation is not complete.
func checkRotation(ctx context.Context, clients kubernetes.Interface, networks versioned.Interface, keys credentials.MasterKeys) error {
	if keys.Previous == nil {
		return nil
	}
	bitcoin, err := networks.BitcoincontrollerV1().BitcoinNetworks(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsNotFound(err) { // the definition may not be installed
		return fmt.Errorf("list the networks, some of which may not use the current key yet: %w", err)
	}
	lightning, err := networks.BitcoincontrollerV1().LightningNetworks(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("list the Lightning networks, some of which may not use the current key yet: %w", err)
	}
	managed := metav1.ListOptions{LabelSelector: labels.Set{resources.LabelManagedBy: resources.ManagedByValue}.String()}
	configs, err := clients.CoreV1().ConfigMaps(metav1.NamespaceAll).List(ctx, managed)
	if err != nil {
		return fmt.Errorf("list the configurations of the nodes: %w", err)
	}
	sets, err := clients.AppsV1().StatefulSets(metav1.NamespaceAll).List(ctx, managed)
	if err != nil {
		return fmt.Errorf("list the StatefulSets of the networks: %w", err)
	}
	progress := bitcoinProgress(bitcoin.Items, configs.Items, sets.Items, credentials.ForNetworks(keys.Current), credentials.ForNetworks(keys.Previous))
	return incomplete(append(progress, lightningProgress(lightning.Items, configs.Items, keys)...))
}

// rotationProgress is how far a rotation has come in a network.
type rotationProgress struct {
	network      string
	using, nodes int32
	complete     bool
}

// bitcoinProgress is that of the operator's BitcoinNetworks.
func bitcoinProgress(networks []v1.BitcoinNetwork, configs []corev1.ConfigMap, sets []appsv1.StatefulSet, current, previous func(*v1.BitcoinNetwork) bitcoind.Credential) (list []rotationProgress) {
	for i := range networks {
		n := &networks[i]
		if isOfAnotherOperator(n.UID, configs, resources.AllowsCredential, current(n), previous(n)) {
			continue
		}
		p := rotationProgress{network: n.Namespace + "/" + n.Name}
		p.using, p.nodes, p.complete = nodesWithKey(n.UID, configs, sets, current(n))
		list = append(list, p)
	}
	return list
}

// isOfAnotherOperator reports whether the nodes of a network use neither of the operator's keys: operators with different namespaces have a
// key each.
func isOfAnotherOperator(network types.UID, configs []corev1.ConfigMap, allows func(*corev1.ConfigMap, bitcoind.Credential) bool, keys ...bitcoind.Credential) bool {
	known := false
	for i := range configs {
		config := &configs[i]
		if !ownedBy(config, network) {
			continue
		}
		if slices.ContainsFunc(keys, func(key bitcoind.Credential) bool { return allows(config, key) }) {
			return false
		}
		known = true
	}
	return known
}

// incomplete returns an error that names the networks some of whose nodes do not use the current key yet; nil for none.
func incomplete(networks []rotationProgress) error {
	const limit = 8
	var names []string
	left := 0
	for _, n := range networks {
		if n.complete {
			continue
		}
		if left++; left <= limit {
			names = append(names, fmt.Sprintf("%s (%d of %d nodes use it)", n.network, n.using, n.nodes))
		}
	}
	if left == 0 {
		return nil
	}
	list := strings.Join(names, ", ")
	if left > limit {
		list = fmt.Sprintf("%s and %d more", list, left-limit)
	}
	return fmt.Errorf("the last rotation of the master key is not complete: %d of %d networks have nodes that do not use the current key yet: %s; wait until they do",
		left, len(networks), list)
}

// nodesWithKey counts the nodes of a network that use the credential of the current key.
func nodesWithKey(network types.UID, configs []corev1.ConfigMap, sets []appsv1.StatefulSet, credential bitcoind.Credential) (using, nodes int32, complete bool) {
	hashes := map[string]bool{}
	complete = true
	for i := range configs {
		if config := &configs[i]; ownedBy(config, network) {
			if resources.AllowsCredential(config, credential) {
				hashes[resources.ConfigHashOf(config)] = true
			} else {
				complete = false
			}
		}
	}
	for i := range sets {
		set := &sets[i]
		if !ownedBy(set, network) {
			continue
		}
		replicas := ptr.Deref(set.Spec.Replicas, 1)
		nodes += replicas
		switch {
		case !hashes[set.Spec.Template.Annotations[resources.AnnotationConfigHash]] || set.Status.ObservedGeneration < set.Generation:
			complete = false
		case set.Status.CurrentRevision == set.Status.UpdateRevision || replicas == 0:
			using += replicas
		default:
			using += min(set.Status.UpdatedReplicas, replicas)
			complete = false
		}
	}
	return using, nodes, complete
}

func ownedBy(object metav1.Object, network types.UID) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.UID == network
}
