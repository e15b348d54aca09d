package gitrepo

import (
	"net/http"
	"net/http/cgi"
)

func serveCGI(w http.ResponseWriter, r *http.Request, backend, root string) {
	h := cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"}}
	h.ServeHTTP(w, r)
}
