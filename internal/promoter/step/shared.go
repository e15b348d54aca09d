package step

import (
	"context"
	"reflect"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// sharedBuild is what a stage builds for several charts. It belongs to all of them: it is built in the work directory of the whole
// configuration, and once in a process however many charts go through their steps.
type sharedBuild struct {
	mu      sync.Mutex
	options *BuildOptions // of the build that was done, nil for none
	result  *BuildResult
	err     error
}

func (s *sharedBuild) build(ctx context.Context, p *Project, o BuildOptions) (*BuildResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options != nil && reflect.DeepEqual(*s.options, o) {
		if s.err == nil {
			p.othersMayBegin()
			p.line("%s is built for all charts that share it", s.result.Ref())
		}
		return s.result, s.err
	}
	whole := *p
	whole.Work, whole.shared = p.wholeWork(), nil
	s.result, s.err = build(ctx, &whole, o)
	s.options = &o
	return s.result, s.err
}

// buildWork is the directory that a build leaves its result in.
func (p *Project) buildWork() workdir.Dir {
	if p.shared != nil {
		return p.wholeWork()
	}
	return p.Work
}
