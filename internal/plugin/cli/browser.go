package cli

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// browserProgram is the program that opens an address in the browser of the user, as the desktop has it.
func browserProgram(system string, variable func(string) string) ([]string, error) {
	switch system {
	case "darwin":
		return []string{"open"}, nil
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}, nil
	}
	// xdg-open honors BROWSER; without a desktop it starts a browser for terminals, in this one.
	if variable("DISPLAY") == "" && variable("WAYLAND_DISPLAY") == "" && variable("BROWSER") == "" {
		return nil, errors.New("there is no desktop")
	}
	return []string{"xdg-open"}, nil
}

// openBrowser opens an address. It does not wait for the browser, which may run until it is closed.
func openBrowser(address string) error {
	program, err := browserProgram(runtime.GOOS, os.Getenv)
	if err != nil {
		return err
	}
	command := exec.Command(program[0], append(program[1:], address)...) //nolint:gosec,noctx // the desktop's own program; the browser outlives the command
	if err := command.Start(); err != nil {
		return err
	}
	go func() { _ = command.Wait() }() // the address has been printed, too
	return nil
}

// ticketLifetime is how long a browser may take to start.
const ticketLifetime = time.Minute

// ticket leads to the page once: the arguments of a program are in lists of processes, where the page's token must not be.
type ticket struct {
	next http.Handler
	host string
	path string
	// target is the address of the page with the token.
	target string
	until  time.Time
	once   sync.Once
}

func newTicket(next http.Handler, host, token string) *ticket {
	return &ticket{next: next, host: host, path: "/open/" + rand.Text(), target: "/#" + token, until: time.Now().Add(ticketLifetime)}
}

func (t *ticket) address() string { return "http://" + t.host + t.path }

func (t *ticket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != t.path || r.Host != t.host {
		t.next.ServeHTTP(w, r)
		return
	}
	used := true
	t.once.Do(func() { used = false })
	if used || time.Now().After(t.until) {
		http.Error(w, "this address worked once: open the one that kubectl btcnet ui printed", http.StatusGone)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, t.target, http.StatusSeeOther)
}
