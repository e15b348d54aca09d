package promoter

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// apiServer is as much of a cluster as a chart without templates needs: namespaces, and the Secrets that Helm keeps its
// releases in. What happens within a cluster is the integration tests' part; this one lets verify run, and be killed, in seconds.
type apiServer struct {
	mu      sync.Mutex
	objects map[string]map[string]any // by path
	version int
}

// newAPIServer gives the server's kubeconfig.
func newAPIServer(t testing.TB) (kubeconfig string, a *apiServer) {
	t.Helper()
	a = &apiServer{objects: map[string]map[string]any{}}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"" + srv.URL + "\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u}]\n"
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig, a
}

// secrets are the names of all Secrets: one for each revision of a release.
func (a *apiServer) secrets() (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for path := range a.objects {
		if strings.Contains(path, "/secrets/") {
			names = append(names, path[strings.LastIndex(path, "/")+1:])
		}
	}
	slices.Sort(names)
	return names
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if os.Getenv("APISERVER_LOG") != "" {
		fmt.Fprintln(os.Stderr, r.Method, r.URL)
	}
	status := http.StatusOK
	var reply any
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case path == "/version":
		reply = map[string]any{"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
	case path == "/api":
		reply = map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}
	case path == "/apis":
		reply = map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}}
	case path == "/api/v1":
		resource := func(name, kind string, namespaced bool) map[string]any {
			return map[string]any{"name": name, "singularName": strings.ToLower(kind), "kind": kind, "namespaced": namespaced, "verbs": []string{"create", "delete", "get", "list", "update"}}
		}
		reply = map[string]any{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{resource("namespaces", "Namespace", false), resource("secrets", "Secret", true)}}
	case path == "/openapi/v3":
		reply = map[string]any{"paths": map[string]any{"api/v1": map[string]any{"serverRelativeURL": "/openapi/v3/api/v1"}}}
	case path == "/openapi/v3/api/v1": // says that this server checks fields itself
		reply = map[string]any{"openapi": "3.0.0", "info": map[string]any{"title": "k", "version": "1"}, "paths": map[string]any{"/api/v1/namespaces/{name}": map[string]any{"patch": map[string]any{
			"x-kubernetes-group-version-kind": map[string]any{"group": "", "version": "v1", "kind": "Namespace"},
			"parameters":                      []any{map[string]any{"name": "fieldValidation", "in": "query", "schema": map[string]any{"type": "string"}}},
			"responses":                       map[string]any{"200": map[string]any{"description": "OK"}},
		}}}}
	case strings.HasPrefix(path, "/api/v1/"):
		reply, status = a.object(r, path)
	default:
		reply, status = failure("NotFound", http.StatusNotFound)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply)
}

func failure(reason string, code int) (any, int) {
	return map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason}, code
}

func (a *apiServer) object(r *http.Request, path string) (any, int) {
	there := a.objects[path]
	switch r.Method {
	case http.MethodPost, http.MethodPut:
		o, err := decode(r)
		if err != nil {
			return failure(err.Error(), http.StatusBadRequest)
		}
		if r.Method == http.MethodPost {
			path += "/" + fmt.Sprint(o["metadata"].(map[string]any)["name"])
			if a.objects[path] != nil {
				return failure("AlreadyExists", http.StatusConflict)
			}
		}
		a.version++
		o["metadata"].(map[string]any)["resourceVersion"] = fmt.Sprint(a.version)
		a.objects[path] = o
		return o, http.StatusOK
	case http.MethodDelete:
		delete(a.objects, path)
	case http.MethodGet:
		if strings.HasSuffix(path, "/secrets") || strings.HasSuffix(path, "/pods") || strings.HasSuffix(path, "/namespaces") {
			return a.list(r, path), http.StatusOK
		}
	}
	if there == nil {
		return failure("NotFound", http.StatusNotFound)
	}
	return there, http.StatusOK
}

// decode reads JSON and the protocol buffers that clients prefer.
func decode(r *http.Request) (o map[string]any, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	typed, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil, err
	}
	return runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
}

func (a *apiServer) list(r *http.Request, path string) any {
	items := []any{}
	for p, o := range a.objects {
		if !strings.HasPrefix(p, path+"/") || strings.Contains(p[len(path)+1:], "/") {
			continue
		}
		labels, _ := o["metadata"].(map[string]any)["labels"].(map[string]any)
		matches := true
		for _, want := range strings.Split(r.URL.Query().Get("labelSelector"), ",") {
			k, v, ok := strings.Cut(want, "=")
			matches = matches && (!ok || labels[k] == v)
		}
		if matches {
			items = append(items, o)
		}
	}
	kind := map[string]string{"secrets": "SecretList", "pods": "PodList", "namespaces": "NamespaceList"}[path[strings.LastIndex(path, "/")+1:]]
	return map[string]any{"kind": kind, "apiVersion": "v1", "metadata": map[string]any{}, "items": items}
}
