package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// crdLimit is the timeout until a changed definition is served.
const crdLimit = time.Minute

// applyCRDs applies the definitions in the chart's crds directory. Helm does so when it installs, but not
// when it upgrades, and a new operator would then run with the old definitions. Errors: ErrInstall, ErrSilent.
func (h Helm) applyCRDs(ctx context.Context, chrt *helm.Chart) error {
	objects, err := crds(chrt)
	if err != nil || len(objects) == 0 {
		return err
	}
	c, err := Connect(h.Kubeconfig)
	if err != nil {
		return err
	}
	err = applyAll(ctx, c.dynamic.Resource(crdResource), objects)
	if err == nil || ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return fmt.Errorf("%w: %w", h.faultOf(ctx, Release{}, err), err)
}

func crds(chrt *helm.Chart) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, file := range chrt.CRDs {
		in := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(file.Data), 4096)
		for {
			o := &unstructured.Unstructured{}
			err := in.Decode(&o.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%w: read %s: %w", ErrInstall, file.Name, err)
			}
			if o.GetKind() == "CustomResourceDefinition" {
				all = append(all, o)
			}
		}
	}
	return all, nil
}

func applyAll(ctx context.Context, in dynamic.ResourceInterface, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		data, err := o.MarshalJSON()
		if err != nil {
			return fmt.Errorf("%s: %w", o.GetName(), err)
		}
		force := true
		// Under Helm's name: a later installation of the definition by Helm 4 would be in conflict with any other.
		_, err = in.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: helm.FieldManager, Force: &force})
		if err != nil {
			return fmt.Errorf("upgrade the definition %s: %w", o.GetName(), err)
		}
		err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, crdLimit, true, func(ctx context.Context) (bool, error) {
			now, err := in.Get(ctx, o.GetName(), metav1.GetOptions{})
			return err == nil && established(now), nil
		})
		if err != nil {
			return fmt.Errorf("wait until the definition %s is served: %w", o.GetName(), err)
		}
	}
	return nil
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Established" {
			return m["status"] == "True"
		}
	}
	return false
}
