package cli

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
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// apiServer is as much of a cluster as Helm needs for the charts of these tests: it stores objects and reports all of them
// as ready. The integration tests cover a real cluster; with this one verify runs, and can be killed, in seconds.
type apiServer struct {
	mu      sync.Mutex
	objects map[string]map[string]any // by path
	version int
	// fault is the error that a request gets; nil, or the function nil, is none.
	fault  func(*http.Request) *apierrors.StatusError
	before atomic.Pointer[func(*http.Request) int]
}

// intercept has a function called before each request; another answer than 0 is the status of an error. It may wait.
func (a *apiServer) intercept(before func(*http.Request) (status int)) {
	if before == nil {
		a.before.Store(nil)
		return
	}
	a.before.Store(&before)
}

// newAPIServer returns the server and its kubeconfig.
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

// secrets returns the names of all Secrets; Helm has one for each revision of a release.
func (a *apiServer) secrets() (names []string) { return a.names("secrets") }

// names returns those of all objects of a kind.
func (a *apiServer) names(plural string) (names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for path := range a.objects {
		if strings.Contains(path, "/"+plural+"/") {
			names = append(names, path[strings.LastIndex(path, "/")+1:])
		}
	}
	slices.Sort(names)
	return names
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if before := a.before.Load(); before != nil {
		if status := (*before)(r); status != 0 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			reply, _ := statusError(http.StatusText(status), status)
			_ = json.NewEncoder(w).Encode(reply)
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if os.Getenv("APISERVER_LOG") != "" {
		fmt.Fprintln(os.Stderr, r.Method, r.URL)
	}
	status := http.StatusOK
	var reply any
	var fault *apierrors.StatusError
	if a.fault != nil {
		fault = a.fault(r)
	}
	if fault != nil {
		fault.ErrStatus.Kind, fault.ErrStatus.APIVersion = "Status", "v1"
		reply, status = fault.ErrStatus, int(fault.ErrStatus.Code)
	} else if r.URL.Query().Get("sendInitialEvents") != "" {
		reply, status = statusError("Invalid", http.StatusUnprocessableEntity) // the client then lists, as with old servers
	} else if r.URL.Query().Get("watch") != "" {
		// The list already has every object; no event follows.
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.(http.Flusher).Flush()
		a.mu.Unlock()
		<-r.Context().Done()
		a.mu.Lock()
		return
	}
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case reply != nil:
	case path == "/version":
		reply = map[string]any{"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
	case path == "/api":
		reply = map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}
	case path == "/apis":
		reply = apiGroups()
	case apiResources[path] != nil:
		reply = apiResources[path].list(path)
	case path == "/openapi/v3":
		reply = openAPI()
	case strings.HasPrefix(path, "/openapi/v3/"):
		reply = apiResources[strings.TrimPrefix(path, "/openapi/v3")].openAPI(strings.TrimPrefix(path, "/openapi/v3"))
	case strings.HasPrefix(path, "/api/v1/"), strings.HasPrefix(path, "/apis/"):
		reply, status = a.object(r, path)
	default:
		reply, status = statusError("NotFound", http.StatusNotFound)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply)
}

func statusError(reason string, code int) (any, int) {
	return map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason}, code
}

func (a *apiServer) object(r *http.Request, path string) (any, int) {
	stored := a.objects[path]
	switch r.Method {
	case http.MethodPost, http.MethodPut:
		o, err := decode(r)
		if err != nil {
			return statusError(err.Error(), http.StatusBadRequest)
		}
		if r.Method == http.MethodPut && changed(stored, o) {
			return statusError("Conflict", http.StatusConflict)
		}
		if r.Method == http.MethodPost {
			path += "/" + fmt.Sprint(o["metadata"].(map[string]any)["name"])
			if a.objects[path] != nil {
				return statusError("AlreadyExists", http.StatusConflict)
			}
		}
		return a.written(r, path, o)
	case http.MethodPatch:
		return a.patch(r, path)
	case http.MethodDelete:
		delete(a.objects, path)
	case http.MethodGet:
		if apiVersion, kind := kindOf(path); kind != "" {
			return a.list(r, path, apiVersion, kind), http.StatusOK
		}
	}
	if stored == nil {
		return statusError("NotFound", http.StatusNotFound)
	}
	return stored, http.StatusOK
}

// changed is true if an object is no longer the one that a client has read and now replaces.
func changed(stored, next map[string]any) bool {
	version := next["metadata"].(map[string]any)["resourceVersion"]
	return version != nil && (stored == nil || version != stored["metadata"].(map[string]any)["resourceVersion"])
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

func (a *apiServer) list(r *http.Request, path, apiVersion, kind string) any {
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
		if name, ok := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name="); ok {
			matches = matches && strings.HasSuffix(p, "/"+name)
		}
		if matches {
			items = append(items, o)
		}
	}
	return map[string]any{"kind": kind + "List", "apiVersion": apiVersion, "metadata": map[string]any{"resourceVersion": fmt.Sprint(a.version)}, "items": items}
}
