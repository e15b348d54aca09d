package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// templateMatcher matches the fields of a StatefulSet's pod template.
var templateMatcher = fieldpath.MakePrefixMatcherOrDie("spec", "template")

// changesTemplate reports whether an apply changes the pod template of an existing StatefulSet.
func changesTemplate(desired, existing *appsv1.StatefulSet) (bool, error) {
	if existing == nil {
		return false, nil
	}
	config, err := newConfiguration(desired)
	if err != nil {
		return false, err
	}
	if same, err := config.sameTemplate(existing); err != nil || !same {
		return err == nil, err
	}
	drift, err := config.driftOf(existing)
	if err != nil {
		return false, err
	}
	if foreign := fieldpath.NewSet(drift.foreign...); !foreign.FilterIncludeMatches(templateMatcher).Empty() {
		return true, nil
	}
	// An apply that only regains the ownership of a field does not change it.
	same, err := config.sameValues(existing, drift.lost.FilterIncludeMatches(templateMatcher))
	return !same, err
}

// sameTemplate reports whether the pod template that the operator applied last is that of the configuration.
func (c *configuration) sameTemplate(existing *appsv1.StatefulSet) (bool, error) {
	if applied := existing.Annotations[annotationTemplate]; applied != "" {
		return applied == c.annotations[annotationTemplate], nil
	}
	return c.sameValues(existing, c.fields.FilterIncludeMatches(templateMatcher))
}

// keepRPCAuthDelivery returns a StatefulSet with the rpcauth delivery of the existing one while nothing else in its pods changes. The
// delivery is the operator's own image, and an upgrade of the operator or of the cluster must not restart every node.
func keepRPCAuthDelivery(network *v1.BitcoinNetwork, settings resources.Settings, desired, existing *appsv1.StatefulSet) (*appsv1.StatefulSet, error) {
	if existing == nil {
		return desired, nil
	}
	delivery, has := resources.RPCAuthDeliveryOf(existing)
	if !has || delivery == settings.RPCAuth {
		return desired, nil
	}
	settings.RPCAuth = delivery
	for _, object := range resources.Build(network, settings) {
		kept, ok := object.(*appsv1.StatefulSet)
		if !ok || kept.Name != desired.Name {
			continue
		}
		config, err := newConfiguration(kept)
		if err != nil {
			return nil, err
		}
		if same, err := config.sameTemplate(existing); err != nil || same {
			return kept, err
		}
	}
	return desired, nil
}
