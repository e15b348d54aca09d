package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Reporter hears what happens, for a person to read.
type Reporter interface {
	// Step begins a step; the function it gives ends it, with one line of result or an error.
	Step(name, does string) (done func(result string, err error))
	// Line says one thing within a step.
	Line(text string)
}

// Session is what every step works with.
type Session struct {
	Config *config.Config
	// Dir is a directory of the source repository.
	Dir string
	// Work is the directory in which one step leaves files for the next: the package, its record, reports and logs.
	Work   string
	Env    func(string) string
	Report Reporter
	// DryRun looks and computes and changes nothing outside Work.
	DryRun bool
	Now    func() time.Time
	// Access is how registries are spoken to.
	Access image.Access
}

func (s *Session) line(format string, args ...any) {
	if s.Report != nil {
		s.Report.Line(fmt.Sprintf(format, args...))
	}
}

func (s *Session) gitOptions() gitrepo.Options {
	return gitrepo.Options{Credentials: ci.GitCredentialsFrom(s.Env), Log: func(l string) { s.line("%s", l) }}
}

// Lock makes this the only run in the work directory; two would mix up their packages. It ends with the process, also
// when that is killed. Errors: ErrBusy.
func (s *Session) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.Work, 0o755); err != nil {
		return nil, fmt.Errorf("making the work directory: %w: %w", ErrInput, err)
	}
	f, err := os.OpenFile(filepath.Join(s.Work, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the work directory: %w: %w", ErrInput, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w in %s; wait for it, or give this one a directory of its own with --work-dir", ErrBusy, s.Work)
	}
	return func() { f.Close() }, nil
}

// keep writes a file of the work directory so that it is there whole or not at all.
func (s *Session) keep(name string, content []byte) (string, error) {
	path := filepath.Join(s.Work, name)
	return path, atomicfile.WriteMkdir(path, content, 0o644)
}

func (s *Session) keepJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = s.keep(name, append(data, '\n'))
	return err
}

// recall reads what a step before kept; false when there is nothing, or nothing readable.
func (s *Session) recall(name string, v any) bool {
	data, err := os.ReadFile(filepath.Join(s.Work, name))
	return err == nil && json.Unmarshal(data, v) == nil
}

// VersionResult is a version with what it was derived from.
type VersionResult struct {
	version.Version
	Tag     string   `json:"tag,omitempty"`
	BaseTag string   `json:"baseTag,omitempty"`
	CI      ci.Build `json:"ci"`
}

// Version derives the version of the commit in the source repository.
func Version(ctx context.Context, s *Session) (*VersionResult, error) {
	facts, ci, err := gitrepo.Facts(ctx, s.Dir, s.Env)
	if err != nil {
		return nil, err
	}
	v, err := version.Derive(facts, s.Config.Version.Scheme)
	if err != nil {
		return nil, err
	}
	return &VersionResult{Version: v, Tag: facts.Tag, BaseTag: facts.BaseTag, CI: ci}, nil
}
