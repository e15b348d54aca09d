package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// toApply is an object as server-side apply takes it: only the fields that the operator has an opinion on.
func toApply(object client.Object) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", keyOf(object), err)
	}
	delete(fields, "status")
	dropNulls(fields)
	applied := &unstructured.Unstructured{Object: fields}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", keyOf(object), err)
	}
	annotations := applied.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	sum := sha256.Sum256(text)
	annotations[annotationApplied] = hex.EncodeToString(sum[:8])
	if set, ok := object.(*appsv1.StatefulSet); ok {
		if annotations[annotationTemplate], err = templateHash(set); err != nil {
			return nil, err
		}
	}
	applied.SetAnnotations(annotations)
	return applied, nil
}

func templateHash(set *appsv1.StatefulSet) (string, error) {
	text, err := json.Marshal(set.Spec.Template)
	if err != nil {
		return "", fmt.Errorf("encode the template of %s: %w", set.Name, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// dropNulls removes fields that typed objects have no way to leave out, such as creationTimestamp.
func dropNulls(fields map[string]any) {
	for key, value := range fields {
		switch value := value.(type) {
		case nil:
			delete(fields, key)
		case map[string]any:
			dropNulls(value)
			if key == "status" && len(value) == 0 {
				delete(fields, key)
			}
		case []any:
			for _, item := range value {
				if fields, ok := item.(map[string]any); ok {
					dropNulls(fields)
				}
			}
		}
	}
}

// matches tells whether an object has all the fields that are desired. What others added beside them is theirs.
func matches(desired *unstructured.Unstructured, there client.Object) (bool, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(there)
	if err != nil {
		return false, fmt.Errorf("convert %s: %w", keyOf(there), err)
	}
	for key, value := range desired.Object {
		// Objects of a typed list carry no kind of their own.
		if key == "apiVersion" || key == "kind" {
			continue
		}
		if !contains(fields[key], value) {
			return false, nil
		}
	}
	return true, nil
}

// contains compares desired with there: maps by the desired keys, lists item by item, the rest by value.
func contains(there, desired any) bool {
	switch desired := desired.(type) {
	case map[string]any:
		fields, ok := there.(map[string]any)
		if !ok {
			return len(desired) == 0 && there == nil
		}
		for key, value := range desired {
			if !contains(fields[key], value) {
				return false
			}
		}
		return true
	case []any:
		items, ok := there.([]any)
		if !ok || len(items) != len(desired) {
			return len(desired) == 0 && there == nil
		}
		for i := range desired {
			if !contains(items[i], desired[i]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(there, desired)
	}
}

// strangers are the list items of an object, as JSON pointers, that are not among the desired ones, in the order in which they can
// be removed. Server-side apply leaves what somebody else has put into a list there, a container or a variable.
func strangers(there, desired any, at string) (pointers []string) {
	switch desired := desired.(type) {
	case map[string]any:
		fields, _ := there.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(desired)) {
			pointers = append(pointers, strangers(fields[key], desired[key], at+"/"+pointerEscape.Replace(key))...)
		}
	case []any:
		items, _ := there.([]any)
		wanted := slices.Clone(desired)
		for i := len(items) - 1; i >= 0; i-- {
			pointer := fmt.Sprintf("%s/%d", at, i)
			of := slices.IndexFunc(wanted, func(item any) bool { return sameItem(items[i], item) })
			if of < 0 {
				pointers = append(pointers, pointer)
				continue
			}
			pointers = append(pointers, strangers(items[i], wanted[of], pointer)...)
			wanted = slices.Delete(wanted, of, of+1)
		}
	}
	return pointers
}

// removal is a JSON patch that takes fields out of an object, if it is still the one that was looked at.
func removal(version string, pointers []string) client.Patch {
	steps := []map[string]string{{"op": "test", "path": "/metadata/resourceVersion", "value": version}}
	for _, pointer := range pointers {
		steps = append(steps, map[string]string{"op": "remove", "path": pointer})
	}
	text, _ := json.Marshal(steps) //nolint:errchkjson // strings
	return client.RawPatch(types.JSONPatchType, text)
}

// pointerEscape is that of RFC 6901.
var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// itemKeys are the fields by which Kubernetes tells the items of its lists apart.
var itemKeys = []string{"uid", "mountPath", "containerPort", "port", "name", "topologyKey"}

// sameItem tells whether two items of a list stand for the same thing.
func sameItem(there, desired any) bool {
	fields, isMap := desired.(map[string]any)
	if !isMap {
		return reflect.DeepEqual(there, desired)
	}
	has, _ := there.(map[string]any)
	for _, key := range itemKeys {
		if value, ok := fields[key]; ok {
			return reflect.DeepEqual(has[key], value)
		}
	}
	return contains(there, desired)
}
