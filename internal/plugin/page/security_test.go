package page

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// request is a call of a page that is open, with everything right before a test changes it. What it began has ended.
func request(t *testing.T, s *simulated, method, path, body string, change func(*http.Request)) *http.Response {
	t.Helper()
	pages := &Server{Store: s.store, Backend: s, Token: testToken, Host: "127.0.0.1:8080"}
	handler := pages.Handler()
	of, leave, err := pages.visits.enter("", func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close(t.Context())
	defer leave()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8080"+path, strings.NewReader(strings.ReplaceAll(body, "THE-VISIT", of.id)))
	r.Header.Set("Authorization", "Bearer "+testToken)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://127.0.0.1:8080")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

const mineOne = `{"visit":"THE-VISIT","action":{"kind":"mine","network":"net","node":0,"blocks":1}}`

// Pages of other sites, which the same browser shows, can neither read nor do anything.
func TestOnlyThePageItselfMayCall(t *testing.T) {
	s := newSimulated(t, 3, 3)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		code   int
	}{
		"the page":                           {nil, http.StatusAccepted},
		"localhost":                          {func(r *http.Request) { r.Host = "localhost:8080"; r.Header.Set("Origin", "http://localhost:8080") }, http.StatusAccepted},
		"a program without an origin":        {func(r *http.Request) { r.Header.Del("Origin") }, http.StatusAccepted},
		"no token":                           {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"another token":                      {set("Authorization", "Bearer x"+testToken[1:]), http.StatusUnauthorized},
		"an empty token":                     {set("Authorization", "Bearer "), http.StatusUnauthorized},
		"another site":                       {set("Origin", "https://example.com"), http.StatusForbidden},
		"another port of this machine":       {set("Origin", "http://127.0.0.1:9090"), http.StatusForbidden},
		"a file":                             {set("Origin", "null"), http.StatusForbidden},
		"a form of another site":             {set("Content-Type", "text/plain"), http.StatusForbidden},
		"a browser that names another site":  {set("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"a browser that names the same site": {set("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		"a name that leads to this machine":  {func(r *http.Request) { r.Host = "evil.example:8080" }, http.StatusMisdirectedRequest},
		"the address of another port":        {func(r *http.Request) { r.Host = "127.0.0.1:80" }, http.StatusMisdirectedRequest},
		"no name":                            {func(r *http.Request) { r.Host = "" }, http.StatusMisdirectedRequest},
	} {
		before := len(s.actions())
		response := request(t, s, http.MethodPost, "/api/action", mineOne, c.change)
		if response.StatusCode != c.code || (len(s.actions()) > before) != (c.code == http.StatusAccepted) {
			t.Errorf("%s: code %d, want %d; %d actions", name, response.StatusCode, c.code, len(s.actions())-before)
		}
		if response.Header.Get("Access-Control-Allow-Origin") != "" || response.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: pages of other sites may read the answer: %v", name, response.Header)
		}
	}
	for path, method := range map[string]string{
		"/api/stream": http.MethodGet, "/api/log": http.MethodPost, "/api/action": http.MethodPost, "/api/visible": http.MethodPost,
	} {
		for name, c := range map[string]struct {
			change func(*http.Request)
			code   int
		}{
			"without a token":    {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
			"with another token": {set("Authorization", "Bearer x"+testToken[1:]), http.StatusUnauthorized},
			"by another name":    {func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
			"from another site":  {set("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		} {
			if response := request(t, s, method, path, mineOne, c.change); response.StatusCode != c.code {
				t.Errorf("%s %s: %d, want %d", path, name, response.StatusCode, c.code)
			}
		}
	}
	unset := &Server{Store: s.store, Backend: s, Host: "127.0.0.1:8080"}
	r, w := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8080/api/stream", nil), httptest.NewRecorder()
	r.Header.Set("Authorization", "Bearer ")
	if unset.Handler().ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("a server without a token answers %d", w.Code)
	}
}

func TestCallsThatAreWrongAreRejected(t *testing.T) {
	s := newSimulated(t, 3, 3)
	for body, code := range map[string]int{
		mineOne: http.StatusAccepted, "": http.StatusBadRequest, "{": http.StatusBadRequest, `{"visit":"THE-VISIT","unknown":1}`: http.StatusBadRequest, `{"visit":"another"}`: http.StatusGone, `{}`: http.StatusGone, mineOne + "x": http.StatusBadRequest,
		`{"kind":"` + strings.Repeat("x", maxBody) + `"}`: http.StatusBadRequest, `[]`: http.StatusBadRequest,
	} {
		if response := request(t, s, http.MethodPost, "/api/action", body, nil); response.StatusCode != code {
			t.Errorf("%.60s: %d, want %d", body, response.StatusCode, code)
		}
	}
	for target, code := range map[string]int{
		"/": http.StatusOK, "/main.js": http.StatusOK, "/lib/d3.min.js": http.StatusOK, "/lib/LICENSE": http.StatusOK, "/missing.js": http.StatusNotFound, "/lib/../page.go": http.StatusNotFound,
		"/%2e%2e/page.go": http.StatusNotFound, "/lib/..%2f..%2fpage.go": http.StatusNotFound, "/api/action": http.StatusMethodNotAllowed, "/api/log": http.StatusMethodNotAllowed,
	} {
		response := request(t, s, http.MethodGet, target, "", nil)
		if response.StatusCode != code && (code != http.StatusNotFound || response.StatusCode < 300) {
			t.Errorf("%s: %d, want %d", target, response.StatusCode, code)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the policy %q", target, policy)
		}
	}
}

// reads opens a stream, and returns its messages.
func reads(t *testing.T, address, after string) (next func() (id, data string), end func()) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/stream?network="+url.QueryEscape("net"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Last-Event-ID", after)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	end = func() { response.Body.Close() } //nolint:errcheck // it was only read
	t.Cleanup(end)
	reader := bufio.NewReader(response.Body)
	return func() (id, data string) {
		t.Helper()
		for own := false; ; {
			line, err := reader.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			switch text := strings.TrimSuffix(line, "\n"); {
			case strings.HasPrefix(text, "id: "):
				id = text[4:]
			case strings.HasPrefix(text, "data: "):
				data = text[6:]
			case strings.HasPrefix(text, "event: "):
				own = true
			case text == "" && own:
				own, data = false, ""
			case text == "" && data != "":
				return id, data
			}
		}
	}, end
}

func TestTheStreamContinuesWhereItWas(t *testing.T) {
	s := newSimulated(t, 3, 3)
	address := s.serve()
	next, end := reads(t, address, "")
	_, data := next()
	if !strings.Contains(data, `"snapshot":true`) || !strings.Contains(data, `"node/net/2"`) {
		t.Errorf("the first message is %.200s", data)
	}
	s.store.Set("x", 1)
	id, data := next()
	if data != `{"set":{"x":1}}` {
		t.Errorf("the difference is %s", data)
	}
	end()
	s.store.Set("x", 2)
	s.store.Delete("node/net/2")
	next, _ = reads(t, address, id)
	if _, data = next(); data != `{"set":{"x":2},"gone":["node/net/2"]}` {
		t.Errorf("after the pause: %s", data)
	}
	next, _ = reads(t, address, "of-another-process")
	if _, data = next(); !strings.Contains(data, `"snapshot":true`) || strings.Contains(data, "node/net/2") {
		t.Errorf("with an unknown id: %.200s", data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.viewed["net"] < 1 {
		t.Errorf("the pages that show the network: %v", s.viewed)
	}
}

// A browser that does not read holds up nobody, and the server keeps nothing for it.
func TestASlowBrowserDoesNotHoldUpAnotherOne(t *testing.T) {
	s := newSimulated(t, 3, 3)
	address := s.serve()
	slow, _ := reads(t, address, "")
	slow()
	quick, _ := reads(t, address, "")
	quick()
	large := strings.Repeat("x", 64<<10)
	started := time.Now()
	for i := range 400 { // more than all buffers between
		s.store.Set("large", large+string(rune('a'+i%26)))
		s.store.Set("counter", i)
		if i%10 == 0 {
			quick()
		}
	}
	for _, data := quick(); !strings.Contains(data, `"counter":399`); _, data = quick() {
		if time.Since(started) > browserLimit {
			t.Fatal("the quick browser does not get the last value")
		}
	}
}

func TestThereAreNoMorePagesThanABrowserHasConnections(t *testing.T) {
	s := newSimulated(t, 3, 3)
	address := s.serve()
	for range maxPages {
		next, _ := reads(t, address, "")
		next()
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(body), "5 pages are open, which is the bound of a browser: close one of them") {
		t.Errorf("%d %s (%v)", response.StatusCode, body, err)
	}
}
