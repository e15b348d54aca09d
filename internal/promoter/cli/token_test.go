package cli

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gitServer serves the repositories of a directory to clients with the password, with git's own backend.
func gitServer(t *testing.T, root, user, password string) (host string) {
	t.Helper()
	backend := strings.TrimSpace(shell(t, root, "git --exec-path")) + "/git-http-backend"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h := cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + user}}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// Logs of CI have many readers, and not every engine masks a secret within an address.
func TestATokenInAnAddressIsInNoOutput(t *testing.T) {
	t.Parallel()
	const token = "tok-3n-s3cret"
	s := newTestPipeline(t, "git", "v1.0.0")
	host := gitServer(t, filepath.Dir(s.env["QA"]), "bot", token)
	s.reconfigure(`"${QA}"`, `"http://bot:${TOKEN}@`+host+`/qa.git"`)
	s.reconfigure(`"${PROD}"`, `"http://bot:${TOKEN}@`+host+`/prod.git"`)
	s.env["TOKEN"] = token
	shell(t, s.dir, commitAll+" && git tag v1.1.0")
	s.must("build")
	steps := [][]string{{"explain"}, {"bump"}, {"verify"}, {"promote"}, {"status"}, {"run"}, {"yank", "hello", "1.1.0"}}
	check := func(want int, args []string) {
		t.Helper()
		code, out, msg := s.call(s.args(args...)...)
		if code != want || strings.Contains(out+msg, "s3cret") || strings.Contains(out+msg, "tok-3n") {
			t.Errorf("%v: exit %d\n%s\n%s", args, code, out, msg)
		}
	}
	for _, step := range steps {
		for _, more := range [][]string{{"--dry-run"}, {"--dry-run", "-o", "json"}, nil} {
			check(0, append(slices.Clone(step), more...))
		}
	}
	for _, step := range steps[:3] {
		check(0, append(step, "-o", "json"))
	}
	s.env["TOKEN"] += "-of-old"
	check(5, []string{"bump"})
	check(5, []string{"status"})
	// Unencoded, although an address needs it percent-encoded.
	s.env["TOKEN"] = "tok-3n/s3cret"
	check(0, []string{"explain"})
	for _, step := range [][]string{{"bump"}, {"bump", "--dry-run"}, {"bump", "-o", "json"}, {"status"}, {"verify"}} {
		check(5, step)
	}
}
