package devserver

import (
	"bytes"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Charts serves a chart repository: the last commit of a git repository's branch, or a directory. A push is visible at the
// next request.
func Charts(dir, branch string) http.Handler {
	for _, head := range []string{"HEAD", ".git/HEAD"} {
		if _, err := os.Stat(filepath.Join(dir, head)); err == nil {
			return lastCommit(dir, branch)
		}
	}
	return http.FileServer(http.Dir(dir))
}

// lastCommit serves the files of a branch's last commit, as hosted git repositories do for static pages. Each request sees
// one whole commit. Directories are not listed; the top one is its index.html.
func lastCommit(dir, branch string) http.Handler {
	r := &gitrepo.Repo{Dir: dir}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+req.URL.Path), "/")
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			http.Error(w, "only GET and HEAD are allowed", http.StatusMethodNotAllowed)
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
