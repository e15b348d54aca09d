package pipeline

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Finding is one thing that doctor looked at.
type Finding struct {
	What string `json:"what"`
	// Problem is empty when all is well.
	Problem string `json:"problem,omitempty"`
	// Detail says what was found.
	Detail string `json:"detail,omitempty"`
	// For says which commands need it.
	For string `json:"for"`
}

// ErrMissing: this machine lacks something.
var ErrMissing = failure.New(failure.External, "something is missing here")

// check is one thing to look at; an error is a problem.
type check struct {
	what, needs string
	// local checks are about this machine, and hold for every kind of run.
	local bool
	look  func(context.Context, *Session) (string, error)
}

// clusterEngine is what a run that is given a cluster does without.
const clusterEngine = "cluster engine"

// Doctor looks at everything that the commands need, and changes nothing.
func Doctor(ctx context.Context, s *Session) []Finding {
	var list []Finding
	for _, c := range checks(s.Config) {
		detail, err := c.look(ctx, s)
		f := Finding{What: c.what, Detail: detail, For: c.needs}
		if err != nil {
			// What a check says of a thing that is well does not hold then.
			f.Problem, f.Detail = err.Error(), ""
		}
		list = append(list, f)
	}
	return list
}

// Preflight is Doctor before a run: what a later step will lack is found before the first one begins. Its error is that
// of the first problem, with its kind. A dry run and the build of a pull request or of a fork push nothing and need the tools alone.
func Preflight(ctx context.Context, s *Session, o RunOptions) error {
	for _, c := range checks(s.Config) {
		if c.what == clusterEngine && o.Verify.Kubeconfig != "" {
			continue
		}
		if !c.local && (s.DryRun || !ci.Detect(s.Env).MayPush()) {
			continue
		}
		if _, err := c.look(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	return nil
}

func checks(c *config.Config) []check {
	list := []check{{"git", "everything", true, tool("git", "--version")}, {"disk", "build, verify", true, disk}}
	if b := c.Builder(); b != nil {
		list = append(list, check{"go", "build", true, tool("go", "version")},
			check{"registry of " + b.Build.Image.Repository, "build", false, func(ctx context.Context, s *Session) (string, error) {
				return "accepts pushes", s.Access.CheckPush(ctx, b.Build.Image.Repository)
			}})
	}
	if t := c.Tester(); t != nil {
		list = append(list, remote("candidates' repository", "bump, verify", t.Candidate.Git, t.Candidate.Branch),
			check{clusterEngine, "verify", false, func(context.Context, *Session) (string, error) { return "answers", cluster.Engine(nil) }},
			check{"signing key of " + t.Name, "verify", false, func(_ context.Context, s *Session) (string, error) {
				_, err := s.key(t.Key)
				return "", err
			}})
	}
	for _, p := range c.Publishers() {
		if by := c.Stage(p.Guards.VerifiedBy); by != nil {
			list = append(list, check{"public key of " + by.Name, "promote", false, func(_ context.Context, s *Session) (string, error) {
				_, err := s.publicKey(by)
				return "", err
			}})
		}
		if pgp := p.Publish.PGP; pgp != nil {
			list = append(list, check{"PGP key of " + p.Name, "promote", false, func(_ context.Context, s *Session) (string, error) {
				_, _, err := s.pgpKey(pgp)
				return "", err
			}})
		}
		if p.Publish.Git != "" {
			list = append(list, remote("repository of "+p.Name, "promote", p.Publish.Git, p.Publish.Branch))
		}
	}
	return list
}

func tool(name string, args ...string) func(context.Context, *Session) (string, error) {
	return func(ctx context.Context, _ *Session) (string, error) {
		out, err := exec.CommandContext(ctx, name, args...).Output()
		if err != nil {
			return "", fmt.Errorf("%w: install %s and put it on the PATH: %w", ErrMissing, name, err)
		}
		return strings.TrimSpace(string(out)), nil
	}
}

// enoughDisk is what an image, a cluster and its logs take together, roughly, in bytes.
const enoughDisk = 3 << 30

func disk(_ context.Context, s *Session) (string, error) {
	var st syscall.Statfs_t
	dir := s.Work
	if err := syscall.Statfs(dir, &st); err != nil {
		if err := syscall.Statfs(".", &st); err != nil {
			return "", nil
		}
		dir = "."
	}
	free := int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // other systems have other types here
	detail := fmt.Sprintf("%.1f GB free", float64(free)/1e9)
	if free < enoughDisk {
		return detail, fmt.Errorf("%w: only %s where %s is; 3 GB are needed, make room or choose another --work-dir", ErrMissing, detail, dir)
	}
	return detail, nil
}

func remote(what, needs, url, branch string) check {
	return check{what, needs, false, func(ctx context.Context, s *Session) (string, error) {
		if err := gitrepo.Reachable(ctx, url, branch, s.gitOptions()); err != nil {
			return address(url), err
		}
		r, err := gitrepo.Open(ctx, s.Dir, s.gitOptions())
		if err != nil {
			return address(url), nil
		}
		return address(url), r.CheckPush(ctx, url)
	}}
}
