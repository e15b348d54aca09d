package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// annotationTemplate has a hash of the applied pod template, for the same purpose as annotationApplied.
const annotationTemplate = v1.GroupName + "/applied-template"

// changesTemplate reports whether the pods of an existing StatefulSet differ from the desired template.
func changesTemplate(desired, existing *appsv1.StatefulSet) (bool, error) {
	if existing == nil {
		return false, nil
	}
	if applied := existing.Annotations[annotationTemplate]; applied != "" {
		now, err := templateHash(desired)
		if err != nil || applied != now {
			return err == nil, err
		}
	}
	same, err := sameTemplate(desired, existing)
	return !same, err
}

// keepHelper builds a StatefulSet with the rpcauth delivery that it has while nothing else in its pods changes. The delivery is the
// operator's own image, and an upgrade of the operator or of the cluster must not restart every node.
func keepHelper(network *v1.BitcoinNetwork, settings resources.Settings, desired, existing *appsv1.StatefulSet) (*appsv1.StatefulSet, error) {
	if existing == nil {
		return desired, nil
	}
	helper, has := resources.HelperOf(existing)
	if !has || helper == settings.Helper {
		return desired, nil
	}
	settings.Helper = helper
	for _, object := range resources.Build(network, settings) {
		kept, ok := object.(*appsv1.StatefulSet)
		if !ok || kept.Name != desired.Name {
			continue
		}
		if same, err := sameTemplate(kept, existing); err != nil || same {
			return kept, err
		}
	}
	return desired, nil
}

// sameTemplate reports whether the pod template of an existing StatefulSet has all desired fields.
func sameTemplate(desired, existing *appsv1.StatefulSet) (bool, error) {
	template := &unstructured.Unstructured{}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: desired.Spec.Template}})
	if err != nil {
		return false, err
	}
	pods, _, err := unstructured.NestedMap(fields, "spec", "template")
	if err != nil {
		return false, err
	}
	dropNulls(pods)
	template.Object = map[string]any{"spec": map[string]any{"template": pods}}
	return matches(template, existing)
}
