package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// A bubble has a clock of its own, which moves while all that is in it waits.
func TestASilentCommandReportsEachMinuteThatItStillRuns(t *testing.T) {
	t.Parallel()
	pass := func(d time.Duration) { <-time.After(d) }
	for name, c := range map[string]struct {
		runs func(*reporter)
		want string
	}{
		"a step of three minutes": {func(r *reporter) {
			done := r.Step("dev build", "builds the image")
			pass(3*time.Minute + time.Second)
			done("pushed", nil)
		}, "==> dev build: builds the image\n    still running after 1m0s\n    still running after 2m0s\n    still running after 3m0s\n    pushed (181.0 s)\n"},
		"a step that prints lines and is then silent": {func(r *reporter) {
			pass(30 * time.Second)
			done := r.Step("qa verify", "tests the candidate")
			for range 3 {
				pass(59 * time.Second)
				r.Line("a line")
			}
			pass(61 * time.Second)
			done("", errors.New("a test failed"))
		}, "==> qa verify: tests the candidate\n    a line\n    a line\n    a line\n    still running after 3m57s\n    failed (238.0 s)\n"},
		"a command without a step": {func(*reporter) { pass(2*time.Minute + time.Second) }, "    still running after 1m0s\n    still running after 2m0s\n"},
		"two short steps": {func(r *reporter) {
			for _, name := range []string{"dev version", "dev build"} {
				done := r.Step(name, "x")
				pass(50 * time.Second)
				done("y", nil)
			}
		}, "==> dev version: x\n    y (50.0 s)\n==> dev build: x\n    y (50.0 s)\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out testtools.Buffer
			r := newReporter(&out)
			r.open()
			c.runs(r)
			r.close()
			pass(time.Hour)
			if out.String() != c.want {
				t.Errorf("%s:\n%swant\n%s", name, &out, c.want)
			}
		})
	}
}

func TestALiveLineShowsByItselfThatAStepStillRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out testtools.Buffer
		r := newReporter(&out)
		r.live, r.stop = true, make(chan struct{})
		go r.tick(r.stop)
		r.open()
		done := r.Step("dev build", "builds the image")
		<-time.After(3 * time.Minute)
		if s := out.String(); !strings.Contains(s, "… dev build (2m59s)") || strings.Contains(s, "still running") {
			t.Errorf("during the step:\n%q", s)
		}
		done("pushed", nil)
		<-time.After(61 * time.Second)
		if s := out.String(); !strings.HasSuffix(s, "    still running after 1m0s\n") {
			t.Errorf("after the step, where no live line is:\n%q", s)
		}
		r.close()
	})
}

func TestACommandThatWaitsForAServerReportsThatItStillRuns(t *testing.T) {
	t.Parallel()
	var out, errOut testtools.Buffer
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for strings.Count(errOut.String(), "still running after") < 3 {
			select {
			case <-tick.C:
			case <-r.Context().Done(): // the time limit of the command
				return
			}
		}
		fmt.Fprint(w, `{"@type":"builds","@pagination":{"is_last":true},"builds":[]}`)
	}))
	defer api.Close()
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: &out, Err: &errOut}, env: func(string) string { return "" }, report: newReporter(&errOut)}
	a.report.quiet = 5 * time.Millisecond
	code := a.main(t.Context(), []string{"builds", "o/n", "--api", api.URL, "--timeout", "20s", "-o", "json"})
	if code != 0 || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("exit %d, within 20 s there are no three lines\n%s\n%s", code, &out, &errOut)
	}
}

func TestAServerThatWaitsForRequestsPrintsNoProgress(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errOut testtools.Buffer
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: &errOut, Err: &errOut}, env: func(string) string { return "" }, report: newReporter(&errOut)}
	ended := make(chan int, 1)
	go func() { ended <- a.main(ctx, []string{"serve", "--registry", t.TempDir()}) }()
	testtools.Eventually(t, "the address", 20*time.Second, func() error {
		if s := errOut.String(); !strings.Contains(s, "registry: ") {
			return fmt.Errorf("it printed %q", s)
		}
		return nil
	})
	a.report.mu.Lock()
	if a.report.silence != nil {
		t.Error("it would report each minute that it still runs")
	}
	a.report.mu.Unlock()
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d\n%s", code, &errOut)
	}
}
