package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// travisAPI serves three builds of o/n to requests with the token.
func travisAPI(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.EscapedPath() != "/repo/o%2Fn/builds":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"@type":"error","error_type":"not_found","error_message":"repository not found (or insufficient access)"}`)
		case r.Header.Get("Authorization") != "token s3cret":
			w.WriteHeader(http.StatusForbidden)
		default:
			fmt.Fprint(w, `{"@type":"builds","@pagination":{"is_last":true},"builds":[
{"id":3,"number":"3","state":"started","event_type":"pull_request","pull_request_number":8,"duration":9,"started_at":"2026-03-01T10:00:00Z","finished_at":null,"branch":{"name":"main"},"tag":null,"commit":{"sha":"cccccccccccccccccccc"}},
{"id":2,"number":"2","state":"passed","event_type":"push","duration":83,"started_at":"2026-03-01T09:00:00Z","finished_at":"2026-03-01T09:02:00Z","branch":{"name":"v1.0.0"},"tag":{"name":"v1.0.0"},"commit":{"sha":"bbbbbbbbbbbbbbbbbbbb"}},
{"id":1,"number":"1","state":"failed","event_type":"push","duration":5,"started_at":"2026-03-01T08:00:00Z","finished_at":"2026-03-01T08:02:00Z","branch":{"name":"red\u001b[31m\tx"},"tag":null,"commit":{"sha":"aaaaaaaaaaaaaaaaaaaa"}}]}`)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestBuildsListsTheRepositoryOfTheRemoteOrigin(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	shell(t, p.dir, "git remote add origin git@github.com:o/n.git")
	p.env["CHART_PROMOTER_TRAVIS_API"], p.env["CHART_PROMOTER_TRAVIS_TOKEN"] = travisAPI(t), "s3cret"
	code, out, msg := p.call("builds", "-C", p.dir)
	want := `NUMBER  STATE    OF          COMMIT        TOOK   STARTED (UTC)
3       started  #8 to main  cccccccccccc         2026-03-01 10:00:00
2       passed   v1.0.0      bbbbbbbbbbbb  1m23s  2026-03-01 09:00:00
1       failed   red?[31m?x  aaaaaaaaaaaa  5s     2026-03-01 08:00:00
`
	if code != 0 || out != want || msg != "" {
		t.Errorf("exit %d, %s\n%s\nwant\n%s", code, msg, out, want)
	}
	code, out, _ = p.call("builds", "o/n", "-o", "json")
	var list []map[string]any
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) != 3 || list[1]["tag"] != "v1.0.0" || list[1]["durationSeconds"] != 83.0 {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}
}

func TestBuildsReportsErrorsWithoutTheToken(t *testing.T) {
	t.Parallel()
	p := newTestRepo(t)
	address := travisAPI(t)
	for name, c := range map[string]struct {
		token string
		args  []string
		code  int
		words string
	}{
		"no remote":               {"s3cret", []string{"-C", p.dir}, 2, "OWNER/NAME"},
		"another repository":      {"s3cret", []string{"o/other"}, 2, "insufficient access"},
		"an invalid name":         {"s3cret", []string{"o"}, 2, "OWNER/NAME"},
		"the wrong token":         {"wr0ng", []string{"o/n"}, 5, "travis token"},
		"no token":                {"", []string{"o/n"}, 5, "no token is set"},
		"an unreachable API":      {"s3cret", []string{"o/n", "--api", "http://127.0.0.1:1"}, 5, "does not answer"},
		"plain HTTP to the world": {"s3cret", []string{"o/n", "--api", "http://api.example.com"}, 2, "https"},
		"a limit of zero":         {"s3cret", []string{"o/n", "--limit", "0"}, 2, "--limit"},
		"an invalid timeout":      {"s3cret", []string{"o/n", "--timeout", "soon"}, 2, "soon"},
	} {
		p.env["CHART_PROMOTER_TRAVIS_API"], p.env["CHART_PROMOTER_TRAVIS_TOKEN"] = address, c.token
		code, out, msg := p.call(append([]string{"builds"}, c.args...)...)
		if code != c.code || out != "" || !strings.Contains(msg, c.words) {
			t.Errorf("%s: exit %d, %q %s, want %d with %q", name, code, out, msg, c.code, c.words)
		}
		if c.token != "" && strings.Contains(msg, c.token) {
			t.Errorf("%s: the token is in %q", name, msg)
		}
	}
}
