package step

import (
	"context"
	"errors"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// preparation makes the source of a candidate ready for its tests, beside other steps: it is exported, and the command of prepare runs in
// it. One goroutine uses it. Without tests it is nil, whose methods do nothing.
type preparation struct {
	stop  context.CancelFunc
	done  chan struct{}
	to    report.Reporter
	lines *report.Held
	ended bool
	// Results, when done is closed.
	dir string
	err error
}

// prepare begins a preparation, which the caller ends in any case.
func (p *Project) prepare(ctx context.Context, t *config.Test, c *candidate.Candidate) *preparation {
	if t == nil {
		return nil
	}
	r := &preparation{done: make(chan struct{}), to: p.Report, lines: &report.Held{}}
	ctx, r.stop = context.WithCancel(ctx)
	own := *p
	own.Report = r.lines
	go func() {
		defer close(r.done)
		if r.dir, _, r.err = own.exportSource(ctx, c.SourceDir, c.SourceCommit); r.err != nil {
			return
		}
		if command := t.Preparation(); command != nil {
			r.err = own.tests().Prepare(ctx, *command, r.dir, testEnv(c))
		}
	}()
	return r
}

// failed is the error of a preparation that has failed by now.
func (r *preparation) failed() error {
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
		return r.err
	default:
		return nil
	}
}

// wait is the directory of the source, for tests that begin now. What the preparation has printed comes now, and not between the lines
// of other steps.
func (r *preparation) wait() (string, error) {
	r.lines.Pass(r.to)
	<-r.done
	return r.dir, r.err
}

// end ends the preparation, and adds the error of one that has failed to that of the other steps, unless the run is interrupted. A second
// call changes nothing.
func (r *preparation) end(err error) error {
	if r == nil || r.ended {
		return err
	}
	r.ended = true
	failed := r.failed()
	// What ends it from here on is not its own failure.
	r.stop()
	<-r.done
	if failed == nil || errors.Is(err, context.Canceled) || err != nil && errors.Is(failed, context.Canceled) {
		return err
	}
	r.lines.Pass(r.to)
	if err == nil || errors.Is(err, failed) {
		return failed
	}
	return errors.Join(failed, err)
}

// testEnv is what tests and their preparation learn about a candidate. What they learn about an installed release comes after it: of a
// library chart, and before the tests, that is nothing, and whoever runs this may have variables of these names.
func testEnv(c *candidate.Candidate) []string {
	return []string{
		"KUBECONFIG=", "RELEASE_NAME=", "RELEASE_NAMESPACE=", "HELM_MAJOR=",
		"CHART_VERSION=" + c.Package.Version, "APP_VERSION=" + c.Package.AppVersion,
		"CANDIDATE_IMAGE=" + c.Image(), "CANDIDATE_IMAGES=" + strings.Join(refs(c.Images), " "),
	}
}
