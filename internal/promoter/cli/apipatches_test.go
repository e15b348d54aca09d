package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// typeConverter has the schemas of Kubernetes' own kinds, which a server has too: they state how lists are merged.
var typeConverter = applyconfigurations.NewTypeConverter(scheme.Scheme)

// patch does what a server does with a patch: Helm 4 applies on the server, both majors send strategic merge patches. Fields and their
// owners are merged by the code of Kubernetes.
func (a *apiServer) patch(r *http.Request, path string) (any, int) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return statusError(err.Error(), http.StatusBadRequest)
	}
	query, gvk := r.URL.Query(), kindAt(path)
	fields, err := fieldManager(gvk)
	if err != nil {
		return failed(err)
	}
	live, err := typed(gvk, a.objects[path])
	if err != nil {
		return failed(err)
	}
	var next runtime.Object
	switch patch := types.PatchType(r.Header.Get("Content-Type")); {
	case patch == types.ApplyPatchType:
		applied := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(body, &applied.Object); err != nil {
			return statusError(err.Error(), http.StatusBadRequest)
		}
		next, err = fields.Apply(live, applied, query.Get("fieldManager"), query.Get("force") == "true")
	case a.objects[path] == nil:
		return statusError("NotFound", http.StatusNotFound)
	case patch == types.StrategicMergePatchType:
		next, err = merged(gvk, a.objects[path], body)
		if err == nil {
			next = fields.UpdateNoErrors(live, next, query.Get("fieldManager"))
		}
	default:
		return statusError("no such patch: "+string(patch), http.StatusUnsupportedMediaType)
	}
	if err != nil {
		return failed(err)
	}
	return a.store(path, gvk, next)
}

// written is an object that a client has created or replaced, with its fields' owners.
func (a *apiServer) written(r *http.Request, path string, o map[string]any) (any, int) {
	gvk := kindAt(path)
	fields, err := fieldManager(gvk)
	if err != nil {
		return failed(err)
	}
	live, err := typed(gvk, a.objects[path])
	if err != nil {
		return failed(err)
	}
	next, err := typed(gvk, o)
	if err != nil {
		return failed(err)
	}
	manager := r.URL.Query().Get("fieldManager")
	if manager == "" {
		manager, _, _ = strings.Cut(r.UserAgent(), "/")
	}
	return a.store(path, gvk, fields.UpdateNoErrors(live, next, manager))
}

func (a *apiServer) store(path string, gvk schema.GroupVersionKind, next runtime.Object) (any, int) {
	next.GetObjectKind().SetGroupVersionKind(gvk)
	o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(next)
	if err != nil {
		return failed(err)
	}
	a.version++
	o["metadata"].(map[string]any)["resourceVersion"] = fmt.Sprint(a.version)
	a.objects[path] = o
	a.becomesReady(path, o)
	return o, http.StatusOK
}

func fieldManager(gvk schema.GroupVersionKind) (*managedfields.FieldManager, error) {
	return managedfields.NewDefaultFieldManager(typeConverter, scheme.Scheme, scheme.Scheme, scheme.Scheme, gvk, gvk.GroupVersion(), "", nil)
}

// typed is an object in its Go type; an empty one for nil.
func typed(gvk schema.GroupVersionKind, o map[string]any) (runtime.Object, error) {
	obj, err := scheme.Scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	if o != nil {
		text, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, obj); err != nil {
			return nil, err
		}
	}
	obj.GetObjectKind().SetGroupVersionKind(gvk)
	return obj, nil
}

func merged(gvk schema.GroupVersionKind, o map[string]any, patch []byte) (runtime.Object, error) {
	next, err := scheme.Scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if text, err = strategicpatch.StrategicMergePatch(text, patch, next); err != nil {
		return nil, err
	}
	return next, json.Unmarshal(text, next)
}

// failed is the answer to an error: that of the server for a conflict of owners.
func failed(err error) (any, int) {
	var s apierrors.APIStatus
	if !errors.As(err, &s) {
		return statusError(err.Error(), http.StatusInternalServerError)
	}
	status := s.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	return status, int(status.Code)
}
