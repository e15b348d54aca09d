package cli

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resources are the kinds of a group and version, by the plural that their paths contain.
type resources map[string]string

// apiResources are the kinds that apiServer has.
var apiResources = map[string]resources{
	"/api/v1":                            {"namespaces": "Namespace", "secrets": "Secret", "configmaps": "ConfigMap", "services": "Service", "serviceaccounts": "ServiceAccount", "pods": "Pod"},
	"/apis/coordination.k8s.io/v1":       {"leases": "Lease"},
	"/apis/apps/v1":                      {"deployments": "Deployment", "replicasets": "ReplicaSet"},
	"/apis/rbac.authorization.k8s.io/v1": {"roles": "Role", "rolebindings": "RoleBinding"},
}

func (r resources) list(path string) any {
	var all []any
	for name, kind := range r {
		all = append(all, map[string]any{
			"name": name, "singularName": strings.ToLower(kind), "kind": kind, "namespaced": kind != "Namespace",
			"verbs": []string{"create", "delete", "get", "list", "patch", "update", "watch"},
		})
	}
	return map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": groupVersion(path), "resources": all}
}

func groupVersion(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
}

func apiGroups() any {
	groups := []any{}
	for path := range apiResources {
		if name, version, ok := strings.Cut(groupVersion(path), "/"); ok {
			v := map[string]any{"groupVersion": name + "/" + version, "version": version}
			groups = append(groups, map[string]any{"name": name, "versions": []any{v}, "preferredVersion": v})
		}
	}
	return map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
}

// openAPI declares server-side field validation for every kind.
func openAPI() any {
	paths := map[string]any{}
	for base := range apiResources {
		paths[base[1:]] = map[string]any{"serverRelativeURL": "/openapi/v3" + base}
	}
	return map[string]any{"paths": paths}
}

func (r resources) openAPI(base string) any {
	group, version, ok := strings.Cut(groupVersion(base), "/")
	if !ok {
		group, version = "", group
	}
	paths := map[string]any{}
	for plural, kind := range r {
		paths[base+"/"+plural+"/{name}"] = map[string]any{"patch": map[string]any{
			"x-kubernetes-group-version-kind": map[string]any{"group": group, "version": version, "kind": kind},
			"parameters":                      []any{map[string]any{"name": "fieldValidation", "in": "query", "schema": map[string]any{"type": "string"}}},
			"responses":                       map[string]any{"200": map[string]any{"description": "OK"}},
		}}
	}
	return map[string]any{"openapi": "3.0.0", "info": map[string]any{"title": "k", "version": "1"}, "paths": paths}
}

// kindOf returns the kind that a path lists; empty for the path of one object.
func kindOf(path string) (apiVersion, kind string) {
	plural := path[strings.LastIndex(path, "/")+1:]
	for base, r := range apiResources {
		rest, ok := strings.CutPrefix(path, base+"/")
		if n := strings.Count(rest, "/"); ok && (n == 0 || n == 2) {
			return groupVersion(base), r[plural]
		}
	}
	return "", ""
}

// kindAt is the kind of the object of a path.
func kindAt(path string) schema.GroupVersionKind {
	parent := path[:strings.LastIndex(path, "/")]
	version, kind := kindOf(parent)
	return schema.FromAPIVersionAndKind(version, kind)
}

// goneImage is an image that no node can pull.
const goneImage = "example.com/gone"

// becomesReady does at once what controllers and nodes do in a cluster: addresses, pods that have succeeded, and the
// replica set of a deployment.
func (a *apiServer) becomesReady(path string, o map[string]any) {
	switch o["kind"] {
	case "Service":
		o["spec"].(map[string]any)["clusterIP"] = "10.0.0.1"
	case "Pod":
		container := o["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		if container["image"] == goneImage {
			waiting := map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff", "message": "no such image"}}
			o["status"] = map[string]any{"phase": "Pending", "containerStatuses": []any{map[string]any{"name": container["name"], "state": waiting}}}
			return
		}
		ran := []any{map[string]any{"name": container["name"], "imageID": container["image"]}}
		o["status"] = map[string]any{"phase": "Succeeded", "conditions": []any{map[string]any{"type": "Ready", "status": "True"}}, "containerStatuses": ran}
	case "Deployment":
		meta, spec := o["metadata"].(map[string]any), o["spec"].(map[string]any)
		meta["uid"], meta["generation"] = "u", 1
		if spec["replicas"] == nil { // Helm 3 relies on this default of the API server
			spec["replicas"] = 1
		}
		o["status"] = map[string]any{"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "conditions": []any{
			map[string]any{"type": "Available", "status": "True"}, map[string]any{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
		}}
		controls := map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": "u", "controller": true}
		template := spec["template"].(map[string]any)
		a.objects[strings.Replace(path, "/deployments/", "/replicasets/", 1)+"-1"] = map[string]any{
			"apiVersion": "apps/v1", "kind": "ReplicaSet",
			"metadata": map[string]any{"name": meta["name"].(string) + "-1", "namespace": meta["namespace"], "labels": template["metadata"].(map[string]any)["labels"], "ownerReferences": []any{controls}},
			"spec":     map[string]any{"replicas": 1, "selector": spec["selector"], "template": template},
			"status":   map[string]any{"replicas": 1, "readyReplicas": 1},
		}
	}
}
