package apply

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// Who wrote a field of an object is in its managedFields. A field that another manager changes or removes is no longer owned by
// the operator, and an item that another manager adds to a list has that manager as its owner. What the API server defaults and
// what admission webhooks add has no owner, and is left alone.

// Drift is how an existing object differs from the configuration, whatever was applied last.
type Drift struct {
	// Lost are the specified fields that the operator does not own.
	Lost *fieldpath.Set
	// Foreign are the items that other managers have added to specified lists.
	Foreign []fieldpath.Path
}

// DriftOf an existing object.
func (c *Configuration) DriftOf(existing metav1.Object) (Drift, error) {
	own, foreign, err := owners(existing)
	if err != nil {
		return Drift{}, err
	}
	d := Drift{Lost: c.fields.Difference(own)}
	for path := range foreign.Difference(own).All() {
		if path[0].FieldName != nil && *path[0].FieldName == "spec" && isListItem(path) && hasItems(c.fields, path[:len(path)-1]) {
			d.Foreign = append(d.Foreign, path.Copy())
		}
	}
	return d, nil
}

// UpToDate reports whether an existing object is the applied configuration.
func (c *Configuration) UpToDate(existing metav1.Object, d Drift) bool {
	return existing.GetAnnotations()[AnnotationApplied] == c.annotations[AnnotationApplied] && d.Lost.Empty() && len(d.Foreign) == 0
}

// owners returns the fields that the operator owns, and those that other managers own.
func owners(object metav1.Object) (own, foreign *fieldpath.Set, err error) {
	own, foreign = &fieldpath.Set{}, &fieldpath.Set{}
	for _, entry := range object.GetManagedFields() {
		if entry.FieldsV1 == nil {
			continue
		}
		fields := &fieldpath.Set{}
		if err := fields.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, nil, fmt.Errorf("read the fields of %s that %s manages: %w", object.GetName(), entry.Manager, err)
		}
		if entry.Manager == resources.FieldManager {
			own = own.Union(fields)
		} else {
			foreign = foreign.Union(fields)
		}
	}
	return own, foreign, nil
}

// isListItem reports whether a path ends at an item of a list that is merged by key or by value.
func isListItem(path fieldpath.Path) bool {
	last := path[len(path)-1]
	return last.Key != nil || last.Value != nil
}

// hasItems reports whether a set of fields has items of a list.
func hasItems(fields *fieldpath.Set, list fieldpath.Path) bool {
	for _, element := range list {
		fields = fields.WithPrefix(element)
	}
	return !fields.Empty()
}

// sameValues reports whether an existing object has the same values as the configuration in these of its fields.
func (c *Configuration) sameValues(existing client.Object, fields *fieldpath.Set) (bool, error) {
	if fields.Empty() {
		return true, nil
	}
	all, err := asMap(existing)
	if err != nil {
		return false, fmt.Errorf("encode %s: %w", KeyOf(existing), err)
	}
	// Items of a typed list have no kind of their own.
	gvk, err := apiutil.GVKForObject(existing, scheme.Scheme)
	if err != nil {
		return false, err
	}
	object := &unstructured.Unstructured{Object: all}
	object.SetGroupVersionKind(gvk)
	actual, err := typeConverter().ObjectToTyped(object)
	if err != nil {
		return false, fmt.Errorf("convert %s: %w", KeyOf(existing), err)
	}
	difference, err := c.value.Compare(actual)
	if err != nil {
		return false, fmt.Errorf("compare %s: %w", KeyOf(existing), err)
	}
	return difference.Modified.Union(difference.Removed).Intersection(fields).Empty(), nil
}

// removal is a JSON patch that removes list items from an object of this resource version, and what it removes.
func removal(object map[string]any, version string, items []fieldpath.Path) (client.Patch, []string) {
	type place struct {
		list  string
		index int
	}
	var places []place
	for _, path := range items {
		if list, index, ok := pointerTo(object, path); ok {
			places = append(places, place{list, index})
		}
	}
	// Inner lists first, and each from its end: a removal moves the items behind it.
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(strings.Compare(b.list, a.list), b.index-a.index) })
	steps := []map[string]string{{"op": "test", "path": "/metadata/resourceVersion", "value": version}}
	var removed []string
	for _, at := range places {
		pointer := fmt.Sprintf("%s/%d", at.list, at.index)
		removed = append(removed, pointer)
		steps = append(steps, map[string]string{"op": "remove", "path": pointer})
	}
	text, _ := json.Marshal(steps) //nolint:errchkjson // strings
	return client.RawPatch(types.JSONPatchType, text), removed
}

// pointerEscape is that of RFC 6901.
var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// pointerTo returns the JSON pointer to the list of an item and the item's index; false when the object does not have it.
func pointerTo(object any, item fieldpath.Path) (list string, index int, ok bool) {
	var pointer strings.Builder
	for i, element := range item {
		if element.FieldName != nil {
			fields, _ := object.(map[string]any)
			object = fields[*element.FieldName]
			pointer.WriteString("/" + pointerEscape.Replace(*element.FieldName))
			continue
		}
		items, _ := object.([]any)
		at := slices.IndexFunc(items, func(item any) bool { return isItem(item, element) })
		if at < 0 {
			return "", 0, false
		}
		if i == len(item)-1 {
			return pointer.String(), at, true
		}
		object = items[at]
		fmt.Fprintf(&pointer, "/%d", at)
	}
	return "", 0, false
}

// isItem reports whether a list item has the key, or is the value, of a path element.
func isItem(item any, element fieldpath.PathElement) bool {
	if element.Value != nil {
		return value.Equals(value.NewValueInterface(item), *element.Value)
	}
	fields, ok := item.(map[string]any)
	if !ok || element.Key == nil {
		return false
	}
	return !slices.ContainsFunc(*element.Key, func(key value.Field) bool {
		return !value.Equals(value.NewValueInterface(fields[key.Name]), key.Value)
	})
}
