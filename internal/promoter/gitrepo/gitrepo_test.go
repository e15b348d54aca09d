package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

// remoteWith makes a bare repository whose branch main holds these files.
func remoteWith(t *testing.T, files map[string]string) string {
	t.Helper()
	isolate(t)
	url := filepath.Join(t.TempDir(), "remote.git")
	if _, err := Init(t.Context(), url, "main", true); err != nil {
		t.Fatal(err)
	}
	if len(files) > 0 {
		push(t, url, files)
	}
	return url
}

// isolate keeps the git configuration of whoever runs the tests out of them.
func isolate(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
}

func push(t *testing.T, url string, files map[string]string) string {
	t.Helper()
	commit, changed, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		for name, content := range files {
			write(t, filepath.Join(dir, name), content)
		}
		return "add files", true, nil
	}, UpdateOptions{})
	if err != nil || !changed {
		t.Fatalf("pushing: changed %v, %v", changed, err)
	}
	return commit
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func clone(t *testing.T, url string, o CloneOptions) *Repo {
	t.Helper()
	r, err := Clone(t.Context(), url, filepath.Join(t.TempDir(), "clone"), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Named for tools whose push fails when somebody else pushed meanwhile.
func TestPushRaces(t *testing.T) {
	url := remoteWith(t, map[string]string{"count": "0"})
	calls := 0
	_, changed, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		calls++
		if calls == 1 {
			push(t, url, map[string]string{"other": "came first"})
		}
		write(t, filepath.Join(dir, "count"), fmt.Sprint(calls))
		return "count", true, nil
	}, UpdateOptions{})
	if err != nil || !changed || calls != 2 {
		t.Fatalf("changed %v after %d calls, %v; want a second call on the new head", changed, calls, err)
	}
	r := clone(t, url, CloneOptions{})
	for path, want := range map[string]string{"count": "2", "other": "came first"} {
		if got, _ := os.ReadFile(filepath.Join(r.Dir, path)); string(got) != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
}

func TestTwentyPublishersAtOnceAllEndWell(t *testing.T) {
	for name, start := range map[string]map[string]string{"a repository with a commit": {"list": ""}, "an empty repository": nil} {
		t.Run(name, func(t *testing.T) {
			url := remoteWith(t, start)
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
						old, err := os.ReadFile(filepath.Join(dir, "list"))
						if err != nil && !errors.Is(err, os.ErrNotExist) {
							return "", false, err
						}
						err = os.WriteFile(filepath.Join(dir, "list"), append(old, fmt.Sprintf("%d\n", i)...), 0o644)
						return fmt.Sprintf("publish %d", i), true, err
					}, UpdateOptions{Sparse: []string{"/list"}})
					if err != nil {
						t.Errorf("publisher %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			r := clone(t, url, CloneOptions{})
			got, _ := os.ReadFile(filepath.Join(r.Dir, "list"))
			for i := range 20 {
				if !strings.Contains("\n"+string(got), fmt.Sprintf("\n%d\n", i)) {
					t.Errorf("the entry of publisher %d is lost", i)
				}
			}
		})
	}
}

func TestUpdateWithNothingToDoMakesNoCommit(t *testing.T) {
	url := remoteWith(t, map[string]string{"a": "1"})
	before, _ := clone(t, url, CloneOptions{}).Head(t.Context())
	for name, mutate := range map[string]func(string) (string, bool, error){
		"mutate says so":                  func(string) (string, bool, error) { return "", false, nil },
		"mutate writes what is there":     func(d string) (string, bool, error) { write(t, d+"/a", "1"); return "again", true, nil },
		"a dry run writes something else": nil,
	} {
		t.Run(name, func(t *testing.T) {
			o, want := UpdateOptions{}, false
			if mutate == nil {
				o.DryRun, want = true, true
				mutate = func(d string) (string, bool, error) { write(t, d+"/a", "2"); return "other", true, nil }
			}
			_, changed, err := Update(t.Context(), url, "main", mutate, o)
			if err != nil || changed != want {
				t.Fatalf("changed %v, %v; want %v", changed, err, want)
			}
			if after, _ := clone(t, url, CloneOptions{}).Head(t.Context()); after != before {
				t.Errorf("the remote moved from %.7s to %.7s", before, after)
			}
		})
	}
}

func TestUpdateGivesUpAfterItsAttempts(t *testing.T) {
	url := remoteWith(t, map[string]string{"a": "1"})
	calls := 0
	_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		calls++
		push(t, url, map[string]string{"other": fmt.Sprint(calls)})
		write(t, dir+"/a", fmt.Sprint("mine ", calls))
		return "mine", true, nil
	}, UpdateOptions{Attempts: 3})
	if !errors.Is(err, ErrRejected) || calls != 3 {
		t.Errorf("%d calls, %v; want 3 and ErrRejected", calls, err)
	}
}

func TestAPushThatAHookDeclinesIsRefusedAndNotTriedAgain(t *testing.T) {
	url := remoteWith(t, map[string]string{"a": "1"})
	write(t, url+"/hooks/pre-receive", "#!/bin/sh\necho no such branch for you >&2\nexit 1\n")
	if err := os.Chmod(url+"/hooks/pre-receive", 0o755); err != nil {
		t.Fatal(err)
	}
	calls := 0
	_, _, err := Update(t.Context(), url, "main", func(dir string) (string, bool, error) {
		calls++
		write(t, dir+"/a", "2")
		return "two", true, nil
	}, UpdateOptions{})
	if !errors.Is(err, ErrRefused) || calls != 1 {
		t.Errorf("%d calls, %v; want one and ErrRefused", calls, err)
	}
}

func TestSparseCloneHasOnlyThePathsNamed(t *testing.T) {
	url := remoteWith(t, map[string]string{"index.yaml": "i", "a-1.tgz": "a", "sub/b": "b"})
	r := clone(t, url, CloneOptions{Depth: 1, Sparse: []string{"/index.yaml"}})
	var files []string
	entries, _ := os.ReadDir(r.Dir)
	for _, e := range entries {
		if e.Name() != ".git" {
			files = append(files, e.Name())
		}
	}
	if len(files) != 1 || files[0] != "index.yaml" {
		t.Errorf("the work tree holds %v, want index.yaml alone", files)
	}
}

func TestARemoteThatCannotBeUsedIsNamedByItsFault(t *testing.T) {
	url := remoteWith(t, map[string]string{"a": "1"})
	for name, c := range map[string]struct {
		url, branch string
		want        error
	}{
		"no such directory":       {t.TempDir() + "/nowhere.git", "main", ErrUnreachable},
		"nobody listens there":    {"http://127.0.0.1:1/x.git", "main", ErrUnreachable},
		"no such branch":          {url, "feature", ErrNoBranch},
		"an address that is none": {"http://user:secret-word@bad host/x", "main", ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Clone(t.Context(), c.url, filepath.Join(t.TempDir(), "c"), CloneOptions{Branch: c.branch})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("the message shows the password: %v", err)
			}
		})
	}
}

// gitServer serves the repositories below root over HTTP to whoever knows the password, with git's own backend.
func gitServer(t *testing.T, root, user, password string) string {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		serveCGI(w, r, backend, root)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestCredentialsAreUsedAndLeftNowhere(t *testing.T) {
	const secret = "tok-3n-secret"
	url := remoteWith(t, map[string]string{"a": "1"})
	if out, err := exec.Command("git", "-C", url, "config", "http.receivepack", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	base := gitServer(t, filepath.Dir(url), "x-access-token", secret)
	addr := base + "/remote.git"
	in := func(u string) string { return strings.Replace(u, "http://", "http://x-access-token:"+secret+"@", 1) }
	for name, c := range map[string]struct{ url, token string }{
		"from the environment": {addr, secret}, "from the address": {in(addr), ""}, "as a bare token in the address": {strings.Replace(addr, "http://", "http://"+secret+"@", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CHART_PROMOTER_GIT_TOKEN", c.token)
			var logged []string
			o := Options{Log: func(s string) { logged = append(logged, s) }}
			r, err := Clone(t.Context(), c.url, filepath.Join(t.TempDir(), "clone"), CloneOptions{Options: o})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := Update(t.Context(), c.url, "main", func(d string) (string, bool, error) {
				write(t, d+"/a", name)
				return name, true, nil
			}, UpdateOptions{Options: o}); err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(logged, "\n"); strings.Contains(s, secret) || s == "" {
				t.Errorf("the log is empty or shows the token: %q", s)
			}
			if out, err := exec.Command("grep", "-r", secret, r.Dir).CombinedOutput(); err == nil {
				t.Errorf("the clone holds the token: %s", out)
			}
		})
	}
	r := clone(t, url, CloneOptions{})
	for _, right := range []bool{true, false} {
		t.Setenv("CHART_PROMOTER_GIT_TOKEN", map[bool]string{true: secret, false: "wr0ng-secret"}[right])
		if err := r.CheckPush(t.Context(), addr); (err == nil) != right || !right && !errors.Is(err, ErrAuth) {
			t.Errorf("asking whether a push is allowed, with the right token %v: %v", right, err)
		}
	}
	if err := r.CheckPush(t.Context(), t.TempDir()+"/nowhere"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("asking a repository that is not there: %v", err)
	}
	_, err := Clone(t.Context(), addr, filepath.Join(t.TempDir(), "clone"), CloneOptions{})
	if !errors.Is(err, ErrAuth) || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v, want ErrAuth without the token", err)
	}
}

func TestCredentialsReachOnlyTheServerTheyAreFor(t *testing.T) {
	c := ci.GitCredentials{Username: "me", Password: "secret-word"}
	for remote, want := range map[string]bool{"https://example.com/a.git": true, "/srv/a.git": false, "git@example.com:a.git": false} {
		config, _ := credentialSettings(c, remote)
		if got := len(config) > 0; got != want {
			t.Errorf("%s: handed over %v, want %v", remote, got, want)
		}
		for _, kv := range config {
			if strings.Contains(kv[1], c.Password) {
				t.Errorf("git's configuration holds the password: %v", kv)
			}
		}
	}
	if s := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(s, c.Password) {
		t.Errorf("printing shows the password: %s", s)
	}
}

func TestExportHoldsTheCommitAndNothingElse(t *testing.T) {
	url := remoteWith(t, map[string]string{"a": "1", "sub/b": "2", ".gitattributes": "sub export-ignore\n"})
	r := clone(t, url, CloneOptions{})
	write(t, r.Dir+"/a", "changed")
	write(t, r.Dir+"/new", "not in the commit")
	dir := t.TempDir()
	if err := r.Export(t.Context(), "HEAD", dir); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(dir + "/a"); string(got) != "1" {
		t.Errorf("a holds %q, want what was committed", got)
	}
	if got, _ := os.ReadFile(dir + "/sub/b"); string(got) != "2" {
		t.Errorf("sub/b holds %q: an attribute left it out", got)
	}
	if dirty, err := r.DirtyFiles(t.Context()); err != nil || len(dirty) != 1 {
		t.Errorf("the work tree has the changes %v, %v; want that of a alone", dirty, err)
	}
	if _, err := os.Stat(dir + "/new"); !errors.Is(err, os.ErrNotExist) {
		t.Error("a file that is not in the commit was exported")
	}
	if err := r.Export(t.Context(), "no-such-tag", t.TempDir()); !errors.Is(err, ErrNoRef) {
		t.Errorf("exporting an unknown tag: %v, want ErrNoRef", err)
	}
}

func TestGitEndsWithTheContext(t *testing.T) {
	isolate(t)
	ctx, cancel := context.WithCancel(t.Context())
	reached := make(chan struct{})
	var once sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(reached) })
		<-r.Context().Done()
	}))
	defer srv.Close()
	go func() { <-reached; cancel() }()
	if _, err := Clone(ctx, srv.URL+"/x.git", t.TempDir()+"/c", CloneOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestOpenOutsideARepositorySaysSo(t *testing.T) {
	isolate(t)
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	if _, err := Open(t.Context(), t.TempDir(), Options{}); !errors.Is(err, ErrNotARepository) {
		t.Errorf("got %v, want ErrNotARepository", err)
	}
}
