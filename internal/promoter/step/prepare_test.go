package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func TestAFailedPreparationIsAddedToTheErrorOfOtherSteps(t *testing.T) {
	t.Parallel()
	failed := fmt.Errorf("%w: npm ci", testrun.ErrPrepare)
	for name, c := range map[string]struct {
		failed, other error
		is            []error
		printed       bool
	}{
		"neither fails":                {},
		"other steps fail":             {nil, cluster.ErrLoad, []error{cluster.ErrLoad}, false},
		"the preparation fails":        {failed, nil, []error{failed}, true},
		"both fail":                    {failed, cluster.ErrLoad, []error{failed, cluster.ErrLoad}, true},
		"other steps have ended by it": {failed, fmt.Errorf("wrapped: %w", failed), []error{failed}, true},
		"the run is interrupted":       {failed, context.Canceled, []error{context.Canceled}, false},
		"and ends the preparation":     {context.Canceled, cluster.ErrLoad, []error{cluster.ErrLoad}, false},
	} {
		to := &testtools.Lines{}
		r := &preparation{stop: func() {}, done: make(chan struct{}), to: to, lines: &report.Held{}, err: c.failed}
		r.lines.Line("no network")
		close(r.done)
		err := r.end(c.other)
		if (err == nil) != (len(c.is) == 0) {
			t.Errorf("%s: got %v", name, err)
		}
		for _, want := range c.is {
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want also %v", name, err, want)
			}
		}
		if got := strings.Count(fmt.Sprint(err), "npm ci"); got > 1 || got == 1 != errors.Is(errors.Join(c.is...), failed) {
			t.Errorf("%s: got %v", name, err)
		}
		if got := strings.Contains(to.String(), "no network"); got != c.printed {
			t.Errorf("%s: what it has printed is shown: %t", name, got)
		}
		if again := r.end(cluster.ErrLoad); !errors.Is(again, cluster.ErrLoad) || errors.Is(again, failed) {
			t.Errorf("%s: the second end changes the error: %v", name, again)
		}
	}
}

func TestALibraryChartIsPreparedBeforeItsTests(t *testing.T) {
	for _, name := range []string{"KUBECONFIG", "RELEASE_NAME", "RELEASE_NAMESPACE", "HELM_MAJOR"} {
		t.Setenv(name, "foreign")
	}
	for name, c := range map[string]struct {
		prepare string
		kind    failure.Kind
		words   string
	}{
		"prepared":           {"echo $CHART_VERSION >prepared", 0, ""},
		"a failure":          {"exit 7", failure.TestFailed, "the preparation of the tests failed"},
		"without what it is": {"true", failure.TestFailed, "the tests failed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := chartsWorld(t, severalYAML)
			w.released()
			w.keys()
			base := w.one("base")
			base.Config.Tester().Verify.Test = &config.Test{
				Prepare: []string{"sh", "-c", c.prepare}, Command: config.Command{Command: []string{"sh", "-c", `test -z "$KUBECONFIG$RELEASE_NAME$RELEASE_NAMESPACE$HELM_MAJOR" && grep -x "$CHART_VERSION" prepared`}},
			}
			if _, err := Bump(t.Context(), base); err != nil {
				t.Fatal(err)
			}
			r, err := Verify(t.Context(), base, VerifyOptions{})
			if c.kind == 0 {
				if err != nil || r.Tests.Passed != 1 {
					t.Errorf("got %+v, %v", r, err)
				}
				return
			}
			if failure.Of(err) != c.kind || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %q", err, c.words)
			}
		})
	}
}

// Other steps begin beside a build without unit tests before its source is exported, and beside one with them after they have passed.
func TestOtherStepsBeginBesideABuildAsSoonAsTheyMay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		test             *config.Command
		skip             bool
		exported, begins bool
	}{
		"without unit tests":      {nil, false, false, true},
		"unit tests are left out": {&config.Command{Command: []string{"false"}}, true, false, true},
		"unit tests that pass":    {&config.Command{Command: []string{"true"}}, false, true, true},
		"unit tests that fail":    {&config.Command{Command: []string{"false"}}, false, true, false},
	} {
		w := newWorld(t)
		w.p.Config.Builder().Build.Test = c.test
		begun := 0
		w.p.mayBegin = func() {
			begun++
			if _, err := os.Stat(filepath.Join(w.p.Work.File("source"), "cmd")); (err == nil) != c.exported {
				t.Errorf("%s: when they begin the source is exported: %t", name, err == nil)
			}
		}
		if _, err := Build(t.Context(), w.p, BuildOptions{SkipTests: c.skip}); (err == nil) != c.begins {
			t.Errorf("%s: %v", name, err)
		}
		if (begun == 1) != c.begins || begun > 1 {
			t.Errorf("%s: they began %d times", name, begun)
		}
	}
}
