package gitrepo

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

func TestAPasswordInAnAddressIsNotPrintedWhateverItHolds(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://host/x.git":                     "https://host/x.git",
		"https://me:s3cret@host/x.git":           "https://***@host/x.git",
		"https://s3cret@host/x.git":              "https://***@host/x.git",
		"https://me:s3c/ret@host/x.git":          "https://***@host/x.git",
		"https://me:s3c@/ret@host/x.git":         "https://***@host/x.git",
		"https://me:s3c?r#et@host/x.git":         "https://***@host/x.git",
		"ssh://git@host/x.git":                   "ssh://git@host/x.git",
		"ssh://git:s3cret@host/x.git":            "ssh://***@host/x.git",
		"git@host:x.git":                         "git@host:x.git",
		"/srv/me@home/x.git":                     "/srv/me@home/x.git",
		"https://me:s3cret@host/x.git?a=b@c#d@e": "https://***@e",
	} {
		if got := redact(address); got != want {
			t.Errorf("%s is printed as %s, want %s", address, got, want)
		}
	}
}

// Half of such a password would be taken for a host name and sent to name servers.
func TestAPasswordThatIsNotPercentEncodedIsRejectedAndNotPrinted(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://me:s3c/ret-word@host.invalid/x.git", "https://s3c/ret-word@host.invalid/x.git", "https://me:12/ret-word@host.invalid/x.git",
		"https://me:s3c?ret-word@host.invalid/x.git", "https://s3c#ret-word@host.invalid/x.git", "https://a:b@c/ret-word@host.invalid/x.git",
	} {
		_, err := Clone(t.Context(), address, filepath.Join(t.TempDir(), "c"), CloneOptions{})
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "percent-encode") {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3c") || strings.Contains(err.Error(), "ret-word")) {
			t.Errorf("the message shows the password: %v", err)
		}
	}
	clean, cred, err := splitURL("https://me:s3c%2Fret%40@host/p%40th/x.git")
	if err != nil || clean != "https://host/p%40th/x.git" || cred.Password != "s3c/ret@" {
		t.Errorf("a percent-encoded password: %s %v", clean, err)
	}
}

func TestASilentServerEndsInTheTimeout(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the kernel accepts the connection
	start := time.Now()
	err = Reachable(t.Context(), "http://"+l.Addr().String()+"/x.git", "main", Options{Timeout: 2 * time.Second})
	if !errors.Is(err, ErrUnreachable) || time.Since(start) > time.Minute {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}

// gitServer serves the repositories below root over HTTP with a password, by git's own backend.
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

// secret is the token of the server of withToken.
const secret = "tok-3n-secret"

// withToken is a remote repository with a file, by its path and as remote.git of a server that requires secret, also for a push.
func withToken(t *testing.T) (path, server string) {
	t.Helper()
	path = remoteWith(t, map[string]string{"a": "1"})
	if out, err := exec.Command("git", "-C", path, "config", "http.receivepack", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return path, gitServer(t, filepath.Dir(path), "x-access-token", secret)
}

func TestCredentialsAreUsedAndStoredNowhere(t *testing.T) {
	url, base := withToken(t)
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
			t.Errorf("CheckPush with the right token %v: %v", right, err)
		}
	}
	if err := r.CheckPush(t.Context(), t.TempDir()+"/nowhere"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("CheckPush of a missing repository: %v", err)
	}
	_, err := Clone(t.Context(), addr, filepath.Join(t.TempDir(), "clone"), CloneOptions{})
	if !errors.Is(err, ErrAuth) || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v, want ErrAuth without the token", err)
	}
}

func TestAPartialCloneChecksOutACommitWithItsCredentials(t *testing.T) {
	url, server := withToken(t)
	if _, _, err := Update(t.Context(), url, "main", func(d string) (string, bool, error) {
		write(t, d+"/a", "2")
		return "second", true, nil
	}, UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "-C", url, "config", "uploadpack.allowFilter", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	t.Setenv("CHART_PROMOTER_GIT_TOKEN", secret)
	r, err := Clone(t.Context(), server+"/remote.git", filepath.Join(t.TempDir(), "clone"), CloneOptions{Sparse: []string{"/a"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Checkout(t.Context(), "HEAD~1"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(r.Dir + "/a"); err != nil || string(got) != "1" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCredentialsReachTheirServerOnly(t *testing.T) {
	t.Parallel()
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

// actions/checkout leaves a header with the credentials of its own token in the configuration of the work tree.
func TestAHeaderOfTheWorkTreeDoesNotWinOverTheToken(t *testing.T) {
	url, base := withToken(t)
	addr := base + "/remote.git"
	t.Setenv("CHART_PROMOTER_GIT_TOKEN", secret)
	for _, section := range []string{base + "/", base + "/remote.git", addr + "/"} {
		r := clone(t, url, CloneOptions{})
		r.url = ""
		r.configure(t, "http."+section+".extraHeader", "AUTHORIZATION: basic d3Jvbmc6d3Jvbmc=", "remote.origin.url", addr)
		if err := r.CheckPush(t.Context(), addr); err != nil {
			t.Errorf("header of %s: CheckPush: %v", section, err)
		}
		tag := fmt.Sprintf("v1.%d.0", len(section))
		if err := r.Tag(t.Context(), tag, "x", Author{}); err != nil {
			t.Fatal(err)
		}
		if err := r.PushTag(t.Context(), tag); err != nil {
			t.Errorf("header of %s: PushTag: %v", section, err)
		}
	}
}

func TestAHostGetsNoTokenOfAnother(t *testing.T) {
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); ok {
			seen = append(seen, u+":"+p)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "no", http.StatusUnauthorized)
	}))
	t.Cleanup(srv.Close)
	access := ci.GitAccess{Env: func(k string) string { return map[string]string{ci.GitToken: "secret-word"}[k] }, Own: "git.example.com"}
	err := Reachable(t.Context(), srv.URL+"/x.git", "", Options{Credentials: access.For})
	if !errors.Is(err, ErrAuth) || len(seen) > 0 || !strings.Contains(err.Error(), ci.HostVariable(ci.GitToken, Host(srv.URL))) {
		t.Errorf("the server got %v; %v", seen, err)
	}
}
