package gitrepo

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

func TestAPasswordInAnAddressIsNotPrintedWhateverItHolds(t *testing.T) {
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

// Half of such a password is the name of a server: it would be asked for, and with it whoever looks at its queries.
func TestAPasswordThatIsNotPercentEncodedIsRefusedWithoutBeingPrinted(t *testing.T) {
	isolate(t)
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
		t.Errorf("a password as it should be: %s %v", clean, err)
	}
}

func TestAServerThatAcceptsAndNeverAnswersIsNotWaitedForWithoutEnd(t *testing.T) {
	isolate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // what is never accepted by the program is accepted by the system
	start := time.Now()
	err = Reachable(t.Context(), "http://"+l.Addr().String()+"/x.git", "main", Options{Patience: 2 * time.Second})
	if !errors.Is(err, ErrUnreachable) || time.Since(start) > time.Minute {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}

func TestTheLimitsOfAnSSHCommandAreNotAddedToTheUsersOwn(t *testing.T) {
	for _, own := range []string{"", "ssh -i key"} {
		var base []string
		if own != "" {
			base = []string{"GIT_SSH_COMMAND=" + own}
		}
		env := strings.Join(environment(base, "", ci.GitCredentials{}, time.Minute), "\n")
		if got := strings.Contains(env, "ConnectTimeout=60 -o ServerAliveInterval=15"); got != (own == "") {
			t.Errorf("with %q: %s", own, env)
		}
	}
}
