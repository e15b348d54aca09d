package apply

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// templateMatcher matches the fields of a StatefulSet's pod template.
var templateMatcher = fieldpath.MakePrefixMatcherOrDie("spec", "template")

// ChangesTemplate reports whether an apply changes the pod template of an existing StatefulSet.
func ChangesTemplate(desired, existing *appsv1.StatefulSet) (bool, error) {
	if existing == nil {
		return false, nil
	}
	config, err := New(desired)
	if err != nil {
		return false, err
	}
	if same, err := config.SameTemplate(existing); err != nil || !same {
		return err == nil, err
	}
	drift, err := config.DriftOf(existing)
	if err != nil {
		return false, err
	}
	if foreign := fieldpath.NewSet(drift.Foreign...); !foreign.FilterIncludeMatches(templateMatcher).Empty() {
		return true, nil
	}
	// An apply that only regains the ownership of a field does not change it.
	same, err := config.sameValues(existing, drift.Lost.FilterIncludeMatches(templateMatcher))
	return !same, err
}

// SameTemplate reports whether the pod template that the operator applied last is that of the configuration.
func (c *Configuration) SameTemplate(existing *appsv1.StatefulSet) (bool, error) {
	if applied := existing.Annotations[AnnotationTemplate]; applied != "" {
		return applied == c.annotations[AnnotationTemplate], nil
	}
	return c.sameValues(existing, c.fields.FilterIncludeMatches(templateMatcher))
}

// KeepClaimTemplates keeps the immutable claim templates of an existing StatefulSet.
func KeepClaimTemplates(desired, existing *appsv1.StatefulSet) {
	if existing == nil || len(existing.Spec.VolumeClaimTemplates) != 1 || len(desired.Spec.VolumeClaimTemplates) != 1 {
		return
	}
	want, have := desired.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests, existing.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests
	if size := want[corev1.ResourceStorage]; size.Cmp(have[corev1.ResourceStorage]) != 0 {
		want[corev1.ResourceStorage] = have[corev1.ResourceStorage]
	}
}
