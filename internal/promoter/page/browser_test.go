package page

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// chromium returns the path of the browser; without one the test ends.
func chromium(t *testing.T) string {
	t.Helper()
	return testtools.Find(t, "chromium", "chromium-browser", "google-chrome")
}

// appearance is what a frame of some width measures of the page in it.
type appearance struct {
	Width, Scrolls, Height int
	Back, Text             string
	// Outside counts the elements with text that reach out of the page.
	Outside int
	// Loaded counts what the page loads beside itself.
	Loaded int
	// Focus counts what the tab key reaches.
	Focus int
	// Names are the columns that the table's cells name themselves on a narrow page.
	Names string
}

// frames shows a page in frames of two widths, and writes their measurements into its own text. The page itself allows no
// script, so the script is outside of it.
const frames = `<!DOCTYPE html><title>frames</title>
<iframe src="PAGE" width="360" height="700" frameborder="0"></iframe><iframe src="PAGE" width="1200" height="700" frameborder="0"></iframe><pre id="out"></pre>
<script>
onload = () => {
  const measure = f => {
    const d = f.contentDocument, w = f.contentWindow, root = d.documentElement, style = w.getComputedStyle(d.body), cell = d.querySelector("td");
    const inside = e => { const r = e.getBoundingClientRect(), clip = w.getComputedStyle(e.closest("caption, thead") || e).clipPath;
      return r.width === 0 || clip !== "none" || (r.left >= -0.5 && r.right <= root.clientWidth + 0.5) };
    return {Width: root.clientWidth, Scrolls: root.scrollWidth, Height: root.scrollHeight, Back: style.backgroundColor, Text: style.color,
      Outside: [...d.body.querySelectorAll("*")].filter(e => e.innerText && !inside(e)).length, Loaded: w.performance.getEntriesByType("resource").length, Focus: [...d.querySelectorAll("a[href], [tabindex]")].filter(e => e.tabIndex >= 0).length,
      Names: cell ? w.getComputedStyle(cell, "::before").content : ""};
  };
  document.getElementById("out").textContent = JSON.stringify([...document.querySelectorAll("iframe")].map(measure));
};
</script>`

var output = regexp.MustCompile(`(?s)<pre id="out">(.*?)</pre>`)

// view measures a page in Chromium, in the light or the dark color scheme. Chromium reaches only this test: all of its requests,
// its own included, go through a proxy that is the test.
func view(t *testing.T, browser string, page []byte, night bool) (narrow, wide appearance) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/frames.html":
			fmt.Fprint(w, strings.ReplaceAll(frames, "PAGE", "/page.html"))
		case "/page.html":
			_, _ = w.Write(page)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	scheme := "preferredColorScheme=1"
	if night {
		scheme = "preferredColorScheme=0"
	}
	out, printed, err := show(ctx, t.TempDir, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--proxy-server="+srv.URL, "--proxy-bypass-list=<-loopback>",
		"--blink-settings="+scheme, "--enable-logging=stderr", "--window-size=1700,900", "--dump-dom", "http://charts.example.com/frames.html")
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	for _, line := range strings.Split(printed, "\n") {
		if strings.Contains(line, "CONSOLE") && !strings.Contains(line, "frames.html") {
			t.Errorf("the browser complains: %s", line)
		}
	}
	m := output.FindSubmatch(out)
	if m == nil {
		t.Fatalf("no answer in\n%s\n%s", out, printed)
	}
	var both []appearance
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &both); err != nil || len(both) != 2 {
		t.Fatalf("%v: %s", err, m[1])
	}
	return both[0], both[1]
}

// show runs the browser, and repeats that with another profile when a signal ended it: a browser that crashes, as it does on busy
// machines, has no result for the page.
func show(ctx context.Context, profile func() string, browser string, args ...string) (out []byte, printed string, err error) {
	for range 3 {
		var stderr strings.Builder
		cmd := exec.CommandContext(ctx, browser, append([]string{"--user-data-dir=" + profile()}, args...)...)
		cmd.Stderr = &stderr
		cmd.WaitDelay = 10 * time.Second
		out, err = cmd.Output()
		printed = stderr.String()
		if cmd.ProcessState.ExitCode() >= 0 || ctx.Err() != nil {
			break
		}
	}
	return out, printed, err
}

func TestPagesInABrowser(t *testing.T) {
	browser := chromium(t)
	for name, page := range pages(t) {
		colours := map[bool]string{}
		for _, night := range []bool{false, true} {
			narrow, wide := view(t, browser, page, night)
			for _, l := range []appearance{narrow, wide} {
				if l.Scrolls > l.Width || l.Outside > 0 || l.Height < 200 || l.Loaded > 0 {
					t.Errorf("%s does not fit, or loads something: %+v", name, l)
				}
			}
			if narrow.Width < 330 || narrow.Width > 360 || wide.Width < 1100 {
				t.Errorf("%s is not shown in these widths: %+v %+v", name, narrow, wide)
			}
			if name != "empty" && (!strings.Contains(narrow.Names, `"`) || wide.Names != "none") || narrow.Focus == 0 && name != "status" {
				t.Errorf("%s: %+v %+v", name, narrow, wide)
			}
			colours[night] = wide.Back + " " + wide.Text
		}
		if colours[false] == colours[true] {
			t.Errorf("%s is the same by day and night: %s", name, colours[true])
		}
	}
}
