package travis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// api answers as the Travis API, version 3, documents: one repository, o/n, that only its token may see.
type api struct {
	t        *testing.T
	builds   int
	requests []*http.Request
}

const secret = "s3cret-token"

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests = append(a.requests, r)
	fail := func(status int, kind, message string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"@type":"error","error_type":%q,"error_message":%q}`, kind, message)
	}
	switch {
	case r.Header.Get("Travis-API-Version") != "3":
		fail(http.StatusBadRequest, "wrong_version", "this is the API of another version")
	case r.Header.Get("Authorization") == "":
		fail(http.StatusForbidden, "login_required", "login required")
	case r.Header.Get("Authorization") != "token "+secret:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "access denied")
	case r.URL.EscapedPath() != "/repo/o%2Fn/builds":
		fail(http.StatusNotFound, "not_found", "repository not found (or insufficient access)")
	default:
		a.list(w, r.URL.Query())
	}
}

func (a *api) list(w http.ResponseWriter, q url.Values) {
	limit, offset := 100, 0
	for name, at := range map[string]*int{"limit": &limit, "offset": &offset} {
		if v := q.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 || name == "limit" && n > 100 {
				a.t.Errorf("%s is %q", name, v)
			}
			*at = n
		}
	}
	if q.Get("sort_by") != "id:desc" {
		a.t.Errorf("sorted by %q", q.Get("sort_by"))
	}
	builds := []any{}
	for i := offset; i < min(offset+limit, a.builds); i++ {
		builds = append(builds, a.build(a.builds-i))
	}
	json.NewEncoder(w).Encode(map[string]any{
		"@type": "builds", "@href": "/repo/1/builds", "@representation": "standard", "new_in_some_version": true,
		"@pagination": map[string]any{"limit": limit, "offset": offset, "count": a.builds, "is_first": offset == 0, "is_last": offset+limit >= a.builds},
		"builds":      builds,
	})
}

// build: every third is of a tag, every fourth of a pull request, and the newest still runs.
func (a *api) build(n int) any {
	b := map[string]any{
		"@type": "build", "id": 1000 + n, "number": strconv.Itoa(n), "state": "passed", "duration": 60 + n, "event_type": "push", "pull_request_number": nil,
		"started_at": "2026-03-01T10:00:00Z", "finished_at": "2026-03-01T10:05:00Z", "tag": nil,
		"branch":     map[string]any{"@type": "branch", "name": "main"},
		"commit":     map[string]any{"@type": "commit", "id": 1, "sha": strings.Repeat(strconv.Itoa(n%10), 40), "message": "change"},
		"repository": map[string]any{"slug": "o/n"}, "jobs": []any{},
	}
	if n%3 == 0 {
		b["tag"] = map[string]any{"@type": "tag", "name": fmt.Sprintf("v1.%d.0", n)}
	}
	if n%4 == 0 {
		b["event_type"], b["pull_request_number"] = "pull_request", 7
	}
	if n == a.builds {
		b["state"], b["finished_at"] = "started", nil
	}
	return b
}

func newClient(t *testing.T, h http.Handler, token string) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := New(srv.URL+"/", token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheLastBuildsComeNewestFirst(t *testing.T) {
	got, err := newClient(t, &api{t: t, builds: 4}, secret).Builds(t.Context(), Query{Repository: "o/n", Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	start, end, took := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 10, 5, 0, 0, time.UTC), int64(63)
	want := []Build{
		{ID: 1004, Number: "4", State: "started", Event: "pull_request", Branch: "main", PullRequest: 7, Commit: strings.Repeat("4", 40), Message: "change", StartedAt: &start},
		{ID: 1003, Number: "3", State: "passed", Event: "push", Branch: "main", Tag: "v1.3.0", Commit: strings.Repeat("3", 40), Message: "change", DurationSeconds: &took, StartedAt: &start, FinishedAt: &end},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("builds (-want +got):\n%s", d)
	}
}

func TestAnyNumberOfBuildsIsReadPageByPage(t *testing.T) {
	for _, c := range []struct{ there, limit, want, requests int }{
		{250, 30, 30, 1}, {250, 100, 100, 1}, {250, 101, 101, 2}, {250, 1000, 250, 3}, {200, 1000, 200, 2}, {0, 10, 0, 1},
	} {
		a := &api{t: t, builds: c.there}
		got, err := newClient(t, a, secret).Builds(t.Context(), Query{Repository: "o/n", Limit: c.limit})
		if err != nil || len(got) != c.want || len(a.requests) != c.requests {
			t.Errorf("%d of %d: %v, %d builds in %d requests, want %d in %d", c.limit, c.there, err, len(got), len(a.requests), c.want, c.requests)
		}
		for i, b := range got {
			if b.Number != strconv.Itoa(c.there-i) {
				t.Fatalf("%d of %d: build %d is number %s", c.limit, c.there, i, b.Number)
			}
		}
	}
}

func TestABranchIsRequestedByName(t *testing.T) {
	a := &api{t: t, builds: 1}
	if _, err := newClient(t, a, secret).Builds(t.Context(), Query{Repository: "o/n", Branch: "a b&c", Limit: 1}); err != nil {
		t.Fatal(err)
	}
	if got := a.requests[0].URL.Query().Get("branch.name"); got != "a b&c" {
		t.Errorf("requested the branch %q", got)
	}
}

func TestEachBadAnswerHasItsErrorAndNoSecretInIt(t *testing.T) {
	status := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	for name, c := range map[string]struct {
		answer http.Handler
		token  string
		query  Query
		want   error
		words  string
	}{
		"no token":                   {&api{t: t}, "", Query{Repository: "o/n"}, ErrAuth, `"login required"`},
		"another token":              {&api{t: t}, "other-token", Query{Repository: "o/n"}, ErrAuth, "travis token"},
		"status 401":                 {status(401, "{}"), secret, Query{Repository: "o/n"}, ErrAuth, "401"},
		"a repository it lacks":      {&api{t: t}, secret, Query{Repository: "o/other"}, ErrNotFound, "insufficient access"},
		"a repository without owner": {&api{t: t}, secret, Query{Repository: "other"}, ErrAddress, "OWNER/NAME"},
		"too many requests":          {status(429, ""), secret, Query{Repository: "o/n"}, ErrUnreachable, "too many requests"},
		"an error of the server":     {status(503, "<html>down</html>"), secret, Query{Repository: "o/n"}, ErrUnreachable, "503"},
		"an unknown status":          {status(418, ""), secret, Query{Repository: "o/n"}, ErrAnswer, "418"},
		"a web page":                 {status(200, "<html>hello</html>"), secret, Query{Repository: "o/n"}, ErrAnswer, "list of builds"},
		"JSON of something else":     {status(200, `{"@type":"home"}`), secret, Query{Repository: "o/n"}, ErrAnswer, "list of builds"},
		"fields of another type":     {status(200, `{"@type":"builds","builds":[{"id":"one"}]}`), secret, Query{Repository: "o/n"}, ErrAnswer, "list of builds"},
		"half of the JSON":           {status(200, `{"@type":"builds","builds":[`), secret, Query{Repository: "o/n"}, ErrAnswer, "list of builds"},
		"a very large answer":        {status(200, `{"@type":"builds","x":"`+strings.Repeat("x", maxBody)+`"}`), secret, Query{Repository: "o/n"}, ErrAnswer, "8 MB"},
		"control characters":         {status(404, `{"error_message":"\u001b[31mred"}`), secret, Query{Repository: "o/n"}, ErrNotFound, `\x1b[31mred`},
	} {
		t.Run(name, func(t *testing.T) {
			c.query.Limit = 10
			client := newClient(t, c.answer, c.token)
			_, err := client.Builds(t.Context(), c.query)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.words)
			}
			if text := fmt.Sprintf("%v %+v %#v %v", err, client, client, client.token); c.token != "" && strings.Contains(text, c.token) {
				t.Errorf("the token is in %s", text)
			}
		})
	}
}

func TestAnEmptyPageThatIsNotTheLastEndsTheList(t *testing.T) {
	asked := 0
	c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		fmt.Fprint(w, `{"@type":"builds","@pagination":{"is_last":false},"builds":[]}`)
	}), secret)
	if got, err := c.Builds(t.Context(), Query{Repository: "o/n", Limit: 10}); err != nil || len(got) != 0 || asked != 1 {
		t.Errorf("%v, %v after %d requests", got, err, asked)
	}
}

func TestTheTokenGoesToNoOtherHost(t *testing.T) {
	heard := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard++ }))
	defer elsewhere.Close()
	for _, to := range []string{elsewhere.URL, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)} {
		c := newClient(t, http.RedirectHandler(to+"/repo/o%2Fn/builds", http.StatusFound), secret)
		if _, err := c.Builds(t.Context(), Query{Repository: "o/n", Limit: 1}); !errors.Is(err, ErrAnswer) || !strings.Contains(err.Error(), "another host") {
			t.Errorf("to %s: %v", to, err)
		}
	}
	if heard != 0 {
		t.Errorf("the other host got %d requests", heard)
	}
	circles := newClient(t, http.RedirectHandler("/again", http.StatusFound), secret)
	if _, err := circles.Builds(t.Context(), Query{Repository: "o/n", Limit: 1}); !errors.Is(err, ErrAnswer) || !strings.Contains(err.Error(), "too many redirects") {
		t.Errorf("in circles: %v", err)
	}
}

func TestASilentOrMissingAPIEndsInTime(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	c := newClient(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}), secret)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Builds(ctx, Query{Repository: "o/n", Limit: 1}); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "time limit") {
		t.Errorf("hanging: %v", err)
	}
	gone, err := New("http://127.0.0.1:1", secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Builds(t.Context(), Query{Repository: "o/n", Limit: 1}); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "/repo/") {
		t.Errorf("missing: %v", err)
	}
}

func TestAddressesThatWouldExposeTheTokenAreRejected(t *testing.T) {
	for _, address := range []string{"", "api.travis-ci.com", "ftp://x", "https://user:pass@x", "https://x?token=y", "http://api.example.com", "https://x#y", "://"} {
		if _, err := New(address, secret); !errors.Is(err, ErrAddress) || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %v, want ErrAddress", address, err)
		}
	}
	if _, err := New(DefaultAPI, "two\nlines"); !errors.Is(err, ErrAuth) {
		t.Errorf("a token of two lines: %v", err)
	}
	for _, address := range []string{DefaultAPI, "https://travis.example.com/api", "http://localhost:1", "http://[::1]:1"} {
		if _, err := New(address, secret); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
