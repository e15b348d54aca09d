package step

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// programLimit is how long a program may take to print its version; that of a container engine needs a daemon, which may hang.
var programLimit = time.Minute

// program requires a program on the PATH.
func program(needs, name string, args ...string) Requirement {
	return Requirement{What: name, For: needs, Local: true, Check: func(ctx context.Context, _ *Project) (string, error) {
		limited, cancel := context.WithTimeout(ctx, programLimit)
		defer cancel()
		cmd := exec.CommandContext(limited, name, args...)
		cmd.WaitDelay = time.Second // for what it started, which may hold its output open
		out, err := cmd.Output()
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			return "", fmt.Errorf("%w: %s %s did not end within %s; restart what hangs", ErrMissing, name, strings.Join(args, " "), programLimit)
		}
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
			return "", fmt.Errorf("%w: %s does not work: %s", ErrMissing, name, strings.TrimSpace(string(exit.Stderr)))
		}
		if err != nil {
			return "", fmt.Errorf("%w: install %s and put it on the PATH: %w", ErrMissing, name, err)
		}
		return strings.TrimSpace(string(out)), nil
	}}
}

// gitProgram requires a git that has all that is used.
func gitProgram() Requirement {
	return Requirement{What: "git", For: "everything", Local: true, Check: func(ctx context.Context, _ *Project) (string, error) {
		return gitrepo.CheckVersion(ctx)
	}}
}

// enoughDisk is roughly what an image, a cluster and its logs need together, in bytes.
const enoughDisk = 3 << 30

func diskSpace(needs string) Requirement {
	return Requirement{What: "disk", For: needs, Local: true, Check: func(_ context.Context, p *Project) (string, error) {
		var st syscall.Statfs_t
		dir := string(p.Work)
		if err := syscall.Statfs(dir, &st); err != nil {
			if err := syscall.Statfs(".", &st); err != nil {
				return "", nil
			}
			dir = "."
		}
		free := int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // other systems have other types here
		detail := fmt.Sprintf("%.1f GB free", float64(free)/1e9)
		if free < enoughDisk {
			return detail, fmt.Errorf("%w: only %s on the file system of %s, 3 GB are needed; free space or choose another --work-dir", ErrMissing, detail, dir)
		}
		return detail, nil
	}}
}

// repository requires a git repository that has the branch and accepts pushes.
func repository(what, needs, url, branch string) Requirement {
	return acceptsPushes(what, needs, url, func(ctx context.Context, p *Project) error { return gitrepo.Reachable(ctx, url, branch, p.Git()) })
}

// chartRepository requires a git repository that accepts pushes; the first promotion creates the branch.
func chartRepository(what, needs, url, branch string) Requirement {
	return acceptsPushes(what, needs, url, func(ctx context.Context, p *Project) error {
		err := gitrepo.Reachable(ctx, url, branch, p.Git())
		if errors.Is(err, gitrepo.ErrNoBranch) {
			return nil
		}
		return err
	})
}

func acceptsPushes(what, needs, url string, reachable func(context.Context, *Project) error) Requirement {
	return Requirement{What: what, For: needs, Check: func(ctx context.Context, p *Project) (string, error) {
		address := repositoryAddress(url)
		own := p.pushingTo(url)
		if err := reachable(ctx, own); err != nil {
			return address, err
		}
		r, err := gitrepo.Open(ctx, p.Dir, own.Git())
		if err != nil {
			return address, nil
		}
		return address, r.CheckPush(ctx, url)
	}}
}
