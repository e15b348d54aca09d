package devserver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// remote creates a bare repository, without the git configuration of the user who runs the tests.
func remote(t *testing.T) string {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	url := filepath.Join(t.TempDir(), "remote.git")
	if _, err := gitrepo.Init(t.Context(), url, "main", true); err != nil {
		t.Fatal(err)
	}
	return url
}

func push(t *testing.T, url string, files map[string]string) {
	t.Helper()
	_, _, err := gitrepo.Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		return "add files", true, write(dir, files)
	}, gitrepo.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func write(dir string, files map[string]string) error {
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestChartsServesTheLastCommitOfABranch(t *testing.T) {
	url := remote(t)
	push(t, url, map[string]string{"index.yaml": "one", "charts/a.tgz": "a"})
	srv := httptest.NewServer(Charts(url, "main"))
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
		t.Errorf("a missing page: %d", code)
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

func TestChartsServesADirectory(t *testing.T) {
	dir := t.TempDir()
	srv := httptest.NewServer(Charts(dir, "main"))
	defer srv.Close()
	for _, content := range []string{"one", "two"} {
		if err := write(dir, map[string]string{"index.yaml": content}); err != nil {
			t.Fatal(err)
		}
		resp, err := http.Get(srv.URL + "/index.yaml")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != content {
			t.Errorf("%d %q, want %q", resp.StatusCode, body, content)
		}
	}
}
