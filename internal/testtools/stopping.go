package testtools

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// StopInBlobs is a registry that sends half of each blob of at least this many bytes, and then nothing, and keeps the connection open.
func StopInBlobs(registry http.Handler, size int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			registry.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		registry.ServeHTTP(answer, r)
		content := answer.Body.Bytes()
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.WriteHeader(answer.Code)
		if len(content) < size {
			_, _ = w.Write(content)
			return
		}
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
}
