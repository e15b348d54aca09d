package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// previous is a published version that a candidate is upgraded from.
type previous struct {
	version string
	pkg     []byte
	// image is what its values name, empty when they name none.
	image string
}

// previous finds the highest release below the candidate in the configured stage; nil, and a line that says why, when
// there is none. An upgrade from the candidate's own version would test nothing, and one from a higher version, when an old
// line of releases gets a fix, is a downgrade. Errors: publish.ErrArchiveMissing and those of a Target.
func (s *Session) previous(ctx context.Context, v *config.Verify, c *candidate) (*previous, error) {
	if v.UpgradeFrom == "" {
		return nil, nil
	}
	target, err := s.target(s.Config.Stage(v.UpgradeFrom))
	if err != nil {
		return nil, err
	}
	last, pkg, err := target.Latest(ctx, c.pkg.Name)
	if errors.Is(err, publish.ErrNone) {
		s.line("%s has published no release yet, so no upgrade is tested", v.UpgradeFrom)
		return nil, nil
	}
	if err == nil && version.Compare(last, c.pkg.Version) >= 0 {
		if last, err = highestBelow(ctx, target, c); err == nil && last == "" {
			s.line("%s has no release below %s, so no upgrade is tested", v.UpgradeFrom, c.pkg.Version)
			return nil, nil
		}
		if err == nil {
			pkg, err = target.Package(ctx, c.pkg.Name, last)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("what %s published, to upgrade from it: %w", v.UpgradeFrom, err)
	}
	old, err := readPackage(pkg, s.Config)
	if err != nil {
		return nil, fmt.Errorf("what %s published as %s: %w", v.UpgradeFrom, last, err)
	}
	return &previous{last, pkg, old.image}, nil
}

func highestBelow(ctx context.Context, target publish.Target, c *candidate) (string, error) {
	entries, err := target.List(ctx, c.pkg.Name)
	if err != nil {
		return "", err
	}
	best := ""
	for _, e := range entries {
		v, err := semver.NewVersion(e.Version)
		if err != nil || v.Prerelease() != "" || version.Compare(e.Version, c.pkg.Version) >= 0 {
			continue
		}
		if best == "" || version.Compare(e.Version, best) > 0 {
			best = e.Version
		}
	}
	return best, nil
}

// installPrevious installs what the candidate is to upgrade, and gives its version.
func (s *Session) installPrevious(ctx context.Context, p *previous, lab *lab, helm cluster.Helm, r cluster.Release) (string, error) {
	if p == nil {
		return "", nil
	}
	if p.image != "" {
		// A node that can pull finds the image by itself; where it cannot, the chart's installation says so.
		if err := lab.load(ctx, []string{p.image}); err != nil && !errors.Is(err, image.ErrNoImage) {
			return "", err
		}
	}
	if _, err := helm.Apply(ctx, p.pkg, r); err != nil {
		return "", fmt.Errorf("installing %s, to upgrade from it: %w", p.version, err)
	}
	s.line("installed %s, the last version below the candidate, to upgrade from it", p.version)
	return p.version, nil
}
