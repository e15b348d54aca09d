package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	applyappsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	applymetav1 "k8s.io/client-go/applyconfigurations/meta/v1"
	applypolicyv1 "k8s.io/client-go/applyconfigurations/policy/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// AnnotationApplied has a hash of the applied object. A field that is no longer desired does not show in the ownership of
	// the desired fields, but in the hash, also after a restart of the operator.
	AnnotationApplied = v1.GroupName + "/applied"
	// AnnotationTemplate has a hash of the applied pod template, for the same purpose.
	AnnotationTemplate = v1.GroupName + "/applied-template"
)

// Configuration is a desired object in the form for server-side apply.
type Configuration struct {
	object runtime.ApplyConfiguration
	meta   *applymetav1.ObjectMetaApplyConfiguration
	// annotations with the hashes, which are among those of meta.
	annotations map[string]string
	// value has the type of the API, which knows the keys of lists, and fields are those that it specifies.
	value  *typed.TypedValue
	fields *fieldpath.Set
}

// typeConverter knows the types of the Kubernetes API. Reading them takes a third of a second.
var typeConverter = sync.OnceValue(func() managedfields.TypeConverter { return applyconfigurations.NewTypeConverter(scheme.Scheme) })

// New returns the fields of an object that the operator specifies, with the hashes as annotations.
func New(object client.Object) (*Configuration, error) {
	c, err := typedConfiguration(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", KeyOf(object), err)
	}
	fields, err := asMap(c.object)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", KeyOf(object), err)
	}
	// Earlier releases wrote the same hash, of the JSON with sorted keys, so that an upgrade writes nothing.
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", KeyOf(object), err)
	}
	c.annotations[AnnotationApplied] = shortHash(text)
	if set, ok := object.(*appsv1.StatefulSet); ok {
		if c.annotations[AnnotationTemplate], err = templateHash(set); err != nil {
			return nil, err
		}
	}
	c.meta.WithAnnotations(c.annotations)
	if err := unstructured.SetNestedStringMap(fields, c.meta.Annotations, "metadata", "annotations"); err != nil {
		return nil, fmt.Errorf("annotate %s: %w", KeyOf(object), err)
	}
	if c.value, err = typeConverter().ObjectToTyped(&unstructured.Unstructured{Object: fields}); err != nil {
		return nil, fmt.Errorf("convert %s: %w", KeyOf(object), err)
	}
	specified, err := c.value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("list the fields of %s: %w", KeyOf(object), err)
	}
	c.fields = specified.Leaves().Difference(unmanagedFields)
	return c, nil
}

// unmanagedFields identify an object, and have no owner.
var unmanagedFields = fieldpath.NewSet(
	fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"),
	fieldpath.MakePathOrDie("metadata", "name"), fieldpath.MakePathOrDie("metadata", "namespace"),
)

// typedConfiguration converts an object. The status is not the operator's to write.
func typedConfiguration(object client.Object) (*Configuration, error) {
	c := &Configuration{annotations: map[string]string{}}
	switch object.(type) {
	case *appsv1.StatefulSet:
		set := &applyappsv1.StatefulSetApplyConfiguration{}
		if err := convert(object, set); err != nil {
			return nil, err
		}
		set.Status = nil
		for i := range set.Spec.VolumeClaimTemplates {
			set.Spec.VolumeClaimTemplates[i].Status = nil
		}
		c.object, c.meta = set, set.ObjectMetaApplyConfiguration
	case *corev1.Service:
		service := &applycorev1.ServiceApplyConfiguration{}
		if err := convert(object, service); err != nil {
			return nil, err
		}
		service.Status = nil
		c.object, c.meta = service, service.ObjectMetaApplyConfiguration
	case *corev1.ConfigMap:
		config := &applycorev1.ConfigMapApplyConfiguration{}
		if err := convert(object, config); err != nil {
			return nil, err
		}
		c.object, c.meta = config, config.ObjectMetaApplyConfiguration
	case *policyv1.PodDisruptionBudget:
		budget := &applypolicyv1.PodDisruptionBudgetApplyConfiguration{}
		if err := convert(object, budget); err != nil {
			return nil, err
		}
		budget.Status = nil
		c.object, c.meta = budget, budget.ObjectMetaApplyConfiguration
	default:
		return nil, fmt.Errorf("no apply configuration for %T", object)
	}
	return c, nil
}

// Annotate adds the hashes to an object that is created.
func (c *Configuration) Annotate(object client.Object) {
	annotations := maps.Clone(c.annotations)
	maps.Copy(annotations, object.GetAnnotations())
	object.SetAnnotations(annotations)
}

// only restricts the configuration to the object with this UID: an apply does not overwrite one that was created in its place.
func (c *Configuration) only(uid types.UID) {
	if uid != "" {
		c.meta.WithUID(uid)
	}
}

// templateHash is the hash of a pod template. Earlier releases wrote the same hash, so that an upgrade starts no rollout.
func templateHash(set *appsv1.StatefulSet) (string, error) {
	text, err := json.Marshal(set.Spec.Template)
	if err != nil {
		return "", fmt.Errorf("encode the template of StatefulSet %s: %w", set.Name, err)
	}
	return shortHash(text), nil
}

func shortHash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func asMap(object any) (map[string]any, error) {
	var fields map[string]any
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return fields, utiljson.Unmarshal(text, &fields)
}

// convert copies the fields that two types have in common.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
