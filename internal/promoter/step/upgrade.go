package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// previous is a published version that a candidate is upgraded from.
type previous struct {
	version string
	pkg     []byte
	// images are those that its values name.
	images []candidate.Image
}

// previous finds the highest release below the candidate in a publishing stage; nil, and a line with the reason, when there is none.
// An upgrade from the candidate's own version would test nothing, and one from a higher version, when an old line of releases gets a
// fix, is a downgrade. Errors: publish.ErrArchiveMissing and those of a Target.
func (p *Project) previous(ctx context.Context, stage string, c *candidate.Candidate) (*previous, error) {
	if stage == "" {
		return nil, nil
	}
	target, err := p.Stages().Target(p.Config.Stage(stage))
	if err != nil {
		return nil, err
	}
	last, pkg, err := latestBelow(ctx, target, c.Package.Name, c.Package.Version)
	switch {
	case errors.Is(err, publish.ErrNone):
		p.line("stage %s has not published a release, so no upgrade is tested", stage)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the release published by stage %s, to upgrade from it: %w", stage, err)
	case last == "":
		p.line("stage %s has no release below %s, so no upgrade is tested", stage, c.Package.Version)
		return nil, nil
	}
	old, err := candidate.Read(pkg, p.Config)
	if err != nil {
		return nil, fmt.Errorf("read the release published by stage %s as %s: %w", stage, last, err)
	}
	return &previous{last, pkg, old.Images}, nil
}

// latestBelow is the highest release of a chart below a version, with its package; "" if all releases are higher. Error:
// publish.ErrNone if there is no release at all.
func latestBelow(ctx context.Context, target publish.Target, chart, limit string) (string, []byte, error) {
	last, pkg, err := target.Latest(ctx, chart)
	if err != nil || version.Compare(last, limit) < 0 {
		return last, pkg, err
	}
	last, err = highestBelow(ctx, target, chart, limit)
	if err != nil || last == "" {
		return "", nil, err
	}
	pkg, err = target.Package(ctx, chart, last)
	return last, pkg, err
}

func highestBelow(ctx context.Context, target publish.Target, chart, limit string) (string, error) {
	entries, err := target.List(ctx, chart)
	if err != nil {
		return "", err
	}
	best := ""
	for _, e := range entries {
		v, err := semver.NewVersion(e.Version)
		if err != nil || v.Prerelease() != "" || version.Compare(e.Version, limit) >= 0 {
			continue
		}
		if best == "" || version.Compare(e.Version, best) > 0 {
			best = e.Version
		}
	}
	return best, nil
}
