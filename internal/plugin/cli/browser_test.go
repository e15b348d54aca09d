package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// served runs ui until the page is served, and returns what it printed so far and what ends it.
func (w *world) served(args ...string) (address string, end func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan int, 1)
	go func() { done <- w.runContext(ctx, append([]string{"ui", "net"}, args...)...) }()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(w.running.String(), "\n"); {
		if time.Now().After(deadline) {
			w.Fatal("the address was not printed within a minute")
		}
		time.Sleep(time.Millisecond)
	}
	return strings.TrimSpace(w.running.String()), func() {
		w.Helper()
		cancel()
		if code := <-done; code != 0 {
			w.Errorf("it ended with %d: %s", code, w.err.String())
		}
	}
}

// follow gets an address as a browser does, without following where it leads.
func follow(t *testing.T, address, host string) (code int, location, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		request.Host = host
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Location"), string(text)
}

// The token must not be in the arguments of a program: everybody on the machine can read them.
func TestUIOpensTheBrowserWithAnAddressThatWorksOnce(t *testing.T) {
	w := newWorld(t, three())
	opened := make(chan string, 1)
	w.open = func(address string) error { opened <- address; return nil }
	printed, end := w.served()
	address := <-opened
	base, token, _ := strings.Cut(printed, "#")
	if !strings.HasPrefix(address, base+"open/") || strings.Contains(address, token) || len(token) < 20 {
		t.Fatalf("it opened %s, and printed %s", address, printed)
	}
	if code, _, _ := follow(t, address, "evil.example:80"); code != http.StatusMisdirectedRequest {
		t.Errorf("with another host the answer is %d", code)
	}
	if code, location, _ := follow(t, address, ""); code != http.StatusSeeOther || location != "/#"+token {
		t.Errorf("it leads to %d %s", code, location)
	}
	if code, location, body := follow(t, address, ""); code != http.StatusGone || strings.Contains(location+body, token) {
		t.Errorf("the second time it leads to %d %s %s", code, location, body)
	}
	if code, _, body := follow(t, base, ""); code != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("the page is %d %s", code, body)
	}
	end()
	if got := w.err.String(); got != "The page is opened in your browser, and is served until Ctrl-C.\n" {
		t.Errorf("it noted %q", got)
	}
}

func TestUIServesThePageWithoutABrowserToo(t *testing.T) {
	w := newWorld(t, three())
	w.open = func(string) error { return errors.New("there is no desktop") }
	_, end := w.served()
	end()
	if got := w.err.String(); !strings.HasPrefix(got, "No browser was opened: there is no desktop\nOpen this address in a browser.") {
		t.Errorf("it noted %q", got)
	}
	w = newWorld(t, three())
	w.open = func(string) error { t.Error("a browser was opened"); return nil }
	_, end = w.served("--no-browser")
	end()
	if got := w.err.String(); !strings.HasPrefix(got, "Open this address in a browser.") {
		t.Errorf("it noted %q", got)
	}
	w.fails(exitInvalid, "--port 70000 is not from 1 to 65535", "ui", "net", "--port", "70000")
}

func TestTheBrowserIsThatOfTheDesktop(t *testing.T) {
	for _, c := range []struct {
		system, variable string
		want             []string
	}{
		{"darwin", "", []string{"open"}},
		{"windows", "", []string{"rundll32", "url.dll,FileProtocolHandler"}},
		{"linux", "DISPLAY", []string{"xdg-open"}},
		{"linux", "WAYLAND_DISPLAY", []string{"xdg-open"}},
		{"linux", "BROWSER", []string{"xdg-open"}},
		{"linux", "", nil},
	} {
		got, err := browserProgram(c.system, func(name string) string { return strings.Repeat("x", strings.Count(c.variable, name)) })
		if !slices.Equal(got, c.want) || (err != nil) != (c.want == nil) {
			t.Errorf("on %s with %q it is %q (%v)", c.system, c.variable, got, err)
		}
	}
}

// The shell calls __complete, as the program of the archives does.
func TestCommandsNetworksAndNodesAreCompleted(t *testing.T) {
	w := newWorld(t, three())
	for line, want := range map[string]string{
		"part": "partition\t", "mine n": "net\n", "mine net/": "net/0\tnet-sts-0\nnet/1\tnet-sts-1\nnet/2\tnet-sts-2\n", "fund net/2": "net/2\tnet-sts-2\n", "tree ": "net\n", "pause net/1": "net/1\tnet-sts-1\n",
		"mine net ": ":4\n",
	} {
		words := strings.Split(line, " ")
		if got := w.works(append([]string{"__complete"}, words...)...); !strings.HasPrefix(got, want) {
			t.Errorf("%q is completed by %q, and should begin with %q", line, got, want)
		}
	}
}
