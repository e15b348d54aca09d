package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
		applied, err := newConfiguration(kept)
		if err != nil {
			return nil, nil, err
		}
		if same, err := applied.sameTemplate(existing); err != nil || same {
			return objects[i-1], kept, err
		}
	}
	return config, set, nil
}
