// Package helm is what the release tool needs of Helm, in types of its own: helm3 and helm4 implement it with one major version of
// Helm each, and majors has both. What Helm calls its types differs between the majors, so no type of Helm's is used outside of those
// packages.
package helm

import (
	"context"
	"fmt"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Major is a major version of Helm.
type Major int

// The majors that this program has.
const (
	V3 Major = 3
	V4 Major = 4
)

func (m Major) String() string { return fmt.Sprintf("Helm %d", int(m)) }

// Majors are the majors with these numbers, as a configuration has them.
func Majors(numbers []int) []Major {
	list := make([]Major, len(numbers))
	for i, n := range numbers {
		list[i] = Major(n)
	}
	return list
}

// Helm is one major version of Helm.
type Helm interface {
	Major() Major
	// Load reads a packaged chart. The error is Helm's reason to reject it.
	Load(tgz []byte) (*Chart, error)
	// Lint runs Helm's linters on the chart in a directory.
	Lint(dir string, o LintOptions) ([]Finding, error)
	// Render returns the manifests that installing a package would apply, its CRDs included, as YAML documents. It needs no cluster.
	// The error is Helm's reason.
	Render(ctx context.Context, tgz []byte, o RenderOptions) (string, error)
	// Connect prepares a client for the releases of a namespace; it sends no request yet.
	Connect(a Access, namespace string) (Client, error)
}

// Client works on the releases of one namespace as the commands of its major do with their defaults, and waits as `--wait` does. Its
// errors are Helm's. A function whose context ends returns, while Helm continues in the background until its own timeout.
type Client interface {
	// Last is the latest revision of a release in any state, nil if there is none. An error means that the cluster does not answer.
	Last(name string) (*Revision, error)
	// Install installs a package and creates the namespace.
	Install(ctx context.Context, tgz []byte, r Release) error
	// Upgrade upgrades the release to a package. As in Helm, the definitions in the chart's crds directory stay as they are.
	Upgrade(ctx context.Context, tgz []byte, r Release) error
	// Rollback returns the release to a revision.
	Rollback(ctx context.Context, r Release, revision int) error
	// Uninstall removes the release and the resources of its tests, which Helm keeps, and waits until they are gone. A release that
	// does not exist is no error.
	Uninstall(ctx context.Context, r Release) error
	// Test runs the tests of the release; the results of all of its hooks come with the error of the first that failed. The caller
	// reads what the tests have printed and then calls cleanup, which deletes what their policies name. Error: ErrTestsNotStarted.
	Test(ctx context.Context, r Release) (hooks []Hook, cleanup func() error, err error)
}

// Access is how a cluster is reached.
type Access struct {
	Kubeconfig string
	// Log gets Helm's debug messages. Nil is silent.
	Log func(string)
	// RequestTimeout limits each request, 2 minutes by default. Helm itself waits forever for a cluster that accepts connections and
	// never answers. Watches are restarted.
	RequestTimeout time.Duration
}

// Release is how a package is installed.
type Release struct {
	Name, Namespace string
	Values          map[string]any
	// Timeout until everything is ready, default 5 minutes.
	Timeout time.Duration
	// Run is the run that installs the release, empty for none. The release has it as a label, which later revisions keep.
	Run string
}

// runLabel is on the Secrets of a release that a run has installed.
const runLabel = "chart-promoter/run"

// Labels are those that the release's revisions get beside Helm's.
func (r Release) Labels() map[string]string {
	if r.Run == "" {
		return nil
	}
	return map[string]string{runLabel: r.Run}
}

// RunOf is the run that a revision's labels name, empty for none.
func RunOf(labels map[string]string) string { return labels[runLabel] }

const (
	// DefaultTimeout is the time that everything of a release has to become ready.
	DefaultTimeout = 5 * time.Minute
	// UninstallTimeout is the time that everything of a release has to be gone.
	UninstallTimeout = 2 * time.Minute
	// MaxHistory is the number of revisions that the cluster keeps of a release.
	MaxHistory = 5
	// PreviousRevision is the revision before the latest, for Client.Rollback.
	PreviousRevision = 0
)

// ErrTestsNotStarted is the error of Client.Test for tests that did not begin.
var ErrTestsNotStarted = failure.New(failure.External, "the tests did not begin")

// WaitLimit is the release's timeout or its default.
func (r Release) WaitLimit() time.Duration {
	if r.Timeout == 0 {
		return DefaultTimeout
	}
	return r.Timeout
}

// Revision is one revision of a release.
type Revision struct {
	Number int
	// ChartVersion is the version of the chart that this revision installed.
	ChartVersion string
	// Deployed is false for a revision that failed, or that did not end.
	Deployed bool
	// Run is the run that installed the release, empty for one that was not installed with a Release.Run.
	Run string
}

// Hook is the result of one of a release's hooks for `helm test`.
type Hook struct {
	Name, Kind string
	Weight     int
	// Started and Completed are zero for a hook that did not run.
	Started, Completed time.Time
	// Phase is Helm's word for the result, Succeeded when all is well.
	Phase string
}

// Succeeded is the phase of a hook that ended well.
const Succeeded = "Succeeded"

// Background runs what has no context of its own, and returns when it ends or the context does.
func Background[T any](ctx context.Context, run func() (T, error)) (T, error) {
	type outcome struct {
		result T
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := run()
		ended <- outcome{result, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case o := <-ended:
		return o.result, o.err
	}
}
