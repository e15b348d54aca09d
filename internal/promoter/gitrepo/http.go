package gitrepo

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"time"
)

// Handler serves the files of a branch's last commit, as hosted git repositories do for static pages. Each request sees
// one whole commit. Directories are not listed; the top one is its index.html.
func Handler(dir, branch string) http.Handler {
	r := &Repo{Dir: dir}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+req.URL.Path), "/")
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		if name == "" {
			name = "index.html"
		}
		content, err := r.File(req.Context(), "refs/heads/"+branch, name)
		if err != nil {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, req, name, time.Time{}, bytes.NewReader(content))
	})
}
