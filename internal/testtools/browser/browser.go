// Package browser is for tests that show a page in Chromium, as a person sees it, and check what the page must never do: load from another
// host, break its own policy, or throw an error.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// Options of a tab.
type Options struct {
	Width, Height int64
	Dark          bool
	// Still is a person's wish for less motion.
	Still bool
	// Script runs before those of the page.
	Script string
	// OwnCertificate accepts a certificate that no browser trusts.
	OwnCertificate bool
	// Limit of each wait, 30 s if it is 0: machines that run tests are busy, and more so with a cluster on them.
	Limit time.Duration
	// Expected are parts of the words of errors that the page may report.
	Expected []string
}

// Tab is one tab of a browser of its own.
type Tab struct {
	t     testing.TB
	ctx   context.Context //nolint:containedctx // that of chromedp is the tab
	limit time.Duration

	mu     sync.Mutex
	faults []string
	loaded []string
}

// defaultLimit is for anything that a test waits for.
const defaultLimit = 30 * time.Second

// Open opens a page. At the end of the test, everything that the page must never do has failed it.
func Open(t testing.TB, address string, options Options) *Tab {
	t.Helper()
	if options.Limit == 0 {
		options.Limit = defaultLimit
	}
	if options.Width == 0 {
		options.Width, options.Height = 1280, 800
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testtools.Find(t, "chromium", "chromium-browser", "google-chrome")), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(int(options.Width), int(options.Height)), chromedp.UserDataDir(profile(t, options.Limit)), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(options.Limit),
		// The test sees what the page requests; nothing else leaves the browser.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"))
	if options.OwnCertificate {
		flags = append(flags, chromedp.IgnoreCertErrors)
	}
	// The context of the test ends before its cleanup, and would kill the browser.
	allocated, endBrowser := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), flags...)
	// What the library reports beside errors are events that it does not know.
	ctx, endTab := chromedp.NewContext(allocated, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(func() {
		defer endBrowser()
		defer endTab()
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("the browser did not end by itself: %v", err)
		}
	})
	own, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	tab := &Tab{t: t, ctx: ctx, limit: options.Limit}
	chromedp.ListenTarget(ctx, func(event any) { tab.observe(event, own.Host, options.Expected) })
	color, motion := "light", "no-preference"
	if options.Dark {
		color = "dark"
	}
	if options.Still {
		motion = "reduce"
	}
	tab.Run(
		network.Enable(), log.Enable(), runtime.Enable(),
		emulation.SetDeviceMetricsOverride(options.Width, options.Height, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: color}, {Name: "prefers-reduced-motion", Value: motion}}),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(watcher + options.Script).Do(ctx)
			return err
		}),
		chromedp.Navigate(address))
	t.Cleanup(tab.check)
	return tab
}

// profile is a directory that is removed when the processes of the browser have ended: those that it started write to it until then.
func profile(t testing.TB, limit time.Duration) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(limit); ; <-tick.C {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("processes of the browser still write after %s: %v", limit, err)
				return
			}
		}
	})
	return dir
}

// watcher keeps what breaks the policy of the page, where the page cannot hide it.
const watcher = `window.broken = []; document.addEventListener("securitypolicyviolation", e => window.broken.push(e.violatedDirective + " " + e.blockedURI + " " + e.sourceFile + ":" + e.lineNumber));
`

func (tab *Tab) observe(event any, host string, expected []string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	fault := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		for _, words := range expected {
			if strings.Contains(text, words) {
				return
			}
		}
		tab.faults = append(tab.faults, text)
	}
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tab.loaded = append(tab.loaded, e.Request.URL)
		if at, err := url.Parse(e.Request.URL); err != nil || at.Host != host {
			fault("the page requests %s", e.Request.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			fault("the browser reports: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		fault("the page throws: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			fault("the page reports: %s", e.Args[0].Value)
		}
	}
}

// check fails the test for what the page must never do.
func (tab *Tab) check() {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, fault := range tab.faults {
		tab.t.Error(fault)
	}
}

// Loaded are the addresses that the page has requested.
func (tab *Tab) Loaded() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.loaded...)
}

// Run carries out actions, which must succeed.
func (tab *Tab) Run(actions ...chromedp.Action) {
	tab.t.Helper()
	if err := chromedp.Run(tab.ctx, actions...); err != nil {
		tab.t.Fatal(err)
	}
}

// Eval returns the value of an expression, or of the promise that it is.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	value, err := try[T](tab, expression)
	if err != nil {
		tab.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func try[T any](tab *Tab, expression string) (value T, err error) {
	err = chromedp.Run(tab.ctx, chromedp.Evaluate(expression, &value, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return value, err
}

// Await waits until an expression is true, and returns how long that took.
func (tab *Tab) Await(what, expression string) time.Duration {
	tab.t.Helper()
	return testtools.Eventually(tab.t, what, tab.limit, func() error {
		is, err := try[bool](tab, "Boolean("+expression+")")
		if err == nil && !is {
			body, _ := try[string](tab, `document.body.innerText.slice(0, 1500)`) // for the message only
			err = fmt.Errorf("the page shows %q", body)
		}
		return err
	})
}

// Press presses keys, such as kb.Tab, one after the other.
func (tab *Tab) Press(keys ...string) {
	tab.t.Helper()
	for _, key := range keys {
		tab.Run(chromedp.KeyEvent(key))
	}
}

// The keys of tests.
const (
	Enter, Escape, TabKey = kb.Enter, kb.Escape, kb.Tab
	Right, Home           = kb.ArrowRight, kb.Home
)

// Click clicks an element.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.Run(chromedp.Click(selector, chromedp.ByQuery))
}

// Fill writes a text into a field, in place of what it has.
func (tab *Tab) Fill(selector, text string) {
	tab.t.Helper()
	tab.Run(chromedp.Clear(selector, chromedp.ByQuery), chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// Picture writes what the window shows to a file.
func (tab *Tab) Picture(file string) {
	tab.t.Helper()
	var data []byte
	tab.Run(chromedp.CaptureScreenshot(&data))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}

// Broken is what has broken the policy of the page.
func (tab *Tab) Broken() []string { return Eval[[]string](tab, "window.broken") }

// Quote is a text as an expression.
func Quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text is one
	}
	return string(quoted)
}
