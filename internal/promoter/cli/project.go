package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// project loads the configuration. Its root is the top of the repository that contains the file.
func (a *app) project(ctx context.Context) (*step.Project, error) {
	dir := filepath.Dir(a.config)
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := a.atTop(ctx); err != nil {
		return nil, err
	}
	if r, err := gitrepo.Open(ctx, dir, gitrepo.Options{}); err == nil {
		root = r.Dir
	}
	cfg, err := config.Load(a.config, root, a.env)
	if err != nil {
		return nil, err
	}
	source := a.dir
	if source == "" {
		source = root
	}
	work, err := filepath.Abs(a.work)
	if err != nil {
		return nil, err
	}
	return &step.Project{
		Config: cfg, Dir: source, Work: workdir.Dir(work), Env: a.env, Report: a.report, DryRun: a.dryRun, Now: time.Now,
		Access: image.Access{Env: a.env, Pushes: cfg.Pushes(), Insecure: a.insecure}, Lease: a.lease,
	}, nil
}

// atTop is an error where the configuration is not below this directory, but below the top of its repository.
func (a *app) atTop(ctx context.Context) error {
	if _, err := os.Stat(a.config); err == nil || !filepath.IsLocal(a.config) {
		return nil
	}
	r, err := gitrepo.Open(ctx, ".", gitrepo.Options{})
	if err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(r.Dir, a.config)); err != nil {
		return nil
	}
	return fmt.Errorf("%w: %s is not in this directory, but at the top of the repository; run the command in %s", config.ErrInvalid, a.config, r.Dir)
}

// locked is project for commands that leave files in the work directory.
func (a *app) locked(ctx context.Context) (*step.Project, func(), error) {
	p, err := a.project(ctx)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := p.Work.Lock()
	return p, unlock, err
}
