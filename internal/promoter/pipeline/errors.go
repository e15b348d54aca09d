package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/travis"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Kind tells who has to do something about an error. Its number is the exit code.
type Kind int

const (
	// Internal is a fault of this program.
	Internal Kind = 1
	// BadInput is a configuration, a chart, a version or an argument that cannot be used.
	BadInput Kind = 2
	// TestFailed is a candidate that does not install or whose tests fail or hang.
	TestFailed Kind = 3
	// Refused is a promotion that a guard does not allow.
	Refused Kind = 4
	// Outside is a repository, a registry or a container engine that does not do its part.
	Outside Kind = 5
)

func (k Kind) String() string {
	return map[Kind]string{Internal: "internal", BadInput: "bad input", TestFailed: "failed test", Refused: "refused", Outside: "outside"}[k]
}

var (
	// ErrInput: an argument that cannot be used.
	ErrInput = errors.New("this cannot be used")
	// ErrTest: the tests failed.
	ErrTest = errors.New("the tests failed")
	// ErrHung: the tests did not end in time.
	ErrHung = errors.New("the tests did not end in time")
	// ErrNoTests: the command ran no test at all.
	ErrNoTests = errors.New("no test was run")
	// ErrRefused: a guard refuses the promotion.
	ErrRefused = errors.New("refused")
	// ErrBusy: another run works in the same directory.
	ErrBusy = errors.New("another run is at work")
)

// Skip is a step that has nothing to do here, and why.
type Skip struct{ Why string }

func (s *Skip) Error() string { return s.Why }

var kinds = []struct {
	kind   Kind
	errors []error
}{
	{TestFailed, []error{ErrTest, ErrHung, ErrNoTests, cluster.ErrInstall, image.ErrCompile}},
	{Refused, []error{ErrRefused, image.ErrTagTaken, publish.ErrChanged, attest.ErrBadSignature, attest.ErrMalformed, attest.ErrWrongKind}},
	{Outside, []error{
		gitrepo.ErrAuth, gitrepo.ErrUnreachable, gitrepo.ErrRejected, gitrepo.ErrRefused, image.ErrRegistry, image.ErrRegistryAuth,
		image.ErrNoImage, cluster.ErrEngine, cluster.ErrCreate, cluster.ErrNotReady, cluster.ErrLoad, cluster.ErrSilent, index.ErrCorrupt, publish.ErrArchiveMissing,
		publish.ErrUnusable, publish.ErrAuth, travis.ErrAuth, travis.ErrUnreachable, travis.ErrAnswer, syscall.ENOSPC,
		ErrMissing, context.DeadlineExceeded, context.Canceled,
	}},
	{BadInput, []error{
		ErrInput, config.ErrInvalid, config.ErrNoImageField, ErrBusy, gitrepo.ErrNoBranch, gitrepo.ErrNoRef, gitrepo.ErrNotARepository, gitrepo.ErrNotSigned, gitrepo.ErrTagMoved, image.ErrSpec, cluster.ErrExists, cluster.ErrNoCluster,
		cluster.ErrName, chart.ErrNoChart, chart.ErrUnsafe, chart.ErrMissingDependency, chart.ErrLint, chart.ErrPathNotFound, chart.ErrNotScalar,
		chart.ErrNotYAML, chart.ErrBadPGPKey, attest.ErrBadKey, attest.ErrNoKey, attest.ErrIncomplete, index.ErrNone, index.ErrBadEntry, publish.ErrConfig, publish.ErrNone, version.ErrShallow, version.ErrDirty, version.ErrNotAVersion,
		version.ErrBadCommit, version.ErrBadScheme, travis.ErrAddress, travis.ErrNotFound,
	}},
	// Last, as whoever knew more has said so.
	{Outside, []error{exec.ErrNotFound, fs.ErrPermission, syscall.EROFS, syscall.EDQUOT}},
}

// KindOf sorts an error; what nobody foresaw is Internal.
func KindOf(err error) Kind {
	var conflict *index.DigestConflictError
	if errors.As(err, &conflict) {
		return Refused
	}
	for _, k := range kinds {
		for _, e := range k.errors {
			if errors.Is(err, e) {
				return k.kind
			}
		}
	}
	return Internal
}
