package gitrepo

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTheHandlerServesTheLastCommit(t *testing.T) {
	url := remoteWith(t, map[string]string{"index.yaml": "one", "charts/a.tgz": "a"})
	srv := httptest.NewServer(Handler(url, "main"))
	defer srv.Close()
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	if code, body := get("/index.yaml"); code != 200 || body != "one" {
		t.Errorf("index.yaml: %d %q", code, body)
	}
	if code, _ := get("/"); code != 404 {
		t.Errorf("a page that is not there: %d", code)
	}
	push(t, url, map[string]string{"index.yaml": "two", "index.html": "<h1>"})
	if code, body := get("/"); code != 200 || body != "<h1>" {
		t.Errorf("the page at the top: %d %q", code, body)
	}
	if _, body := get("/index.yaml"); body != "two" {
		t.Errorf("after a push: %q", body)
	}
	if code, _ := get("/charts/a.tgz"); code != 200 {
		t.Errorf("a file in a directory: %d", code)
	}
	for _, path := range []string{"/charts", "/charts/", "/nothing", "/../HEAD", "/%2e%2e/config", "/index.yaml:x"} {
		if code, body := get(path); code != 404 {
			t.Errorf("%s: %d %q, want 404", path, code, body)
		}
	}
}
