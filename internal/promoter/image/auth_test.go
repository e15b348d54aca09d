package image

import (
	"io"
	"log"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
)

// basicAuth is a registry for one user; seen collects the requested URLs.
func basicAuth(user, password string, seen *string) http.Handler {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var lock sync.Mutex // a client asks over more than one connection
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		*seen += r.URL.String() + " "
		lock.Unlock()
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}
