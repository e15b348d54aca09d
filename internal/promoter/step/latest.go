package step

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

const (
	latestTag = "latest"
	// latestAttempts limits how often latest is written: each time, another build has pushed a higher release meanwhile.
	latestAttempts = 10
)

// moveLatest makes latest name a release that was pushed, unless a higher one exists: a fix of an old line of releases must not take
// it. A registry has no write on a condition, so a higher release that another build pushes between the list of tags and the write
// would lose latest. The list after the write has it, because a build pushes its own tag first.
func (p *Project) moveLatest(ctx context.Context, res *BuiltImage) error {
	highest, err := p.highestRelease(ctx, res.Repository)
	if err != nil {
		return err
	}
	if version.Compare(highest, res.Tag) > 0 {
		p.line("latest is not moved: %s is higher", highest)
		return nil
	}
	tag, digest := res.Tag, res.Digest
	for range latestAttempts {
		if err := p.Access.Point(ctx, res.Repository, latestTag, digest); err != nil {
			return err
		}
		if highest, err = p.highestRelease(ctx, res.Repository); err != nil {
			return err
		}
		if version.Compare(highest, tag) <= 0 {
			res.Latest = tag == res.Tag
			return nil
		}
		p.line("latest is moved on: %s was pushed meanwhile", highest)
		tag = highest
		if digest, err = p.Access.Digest(ctx, image.Reference(res.Repository, tag, "")); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: higher releases of %s are pushed all the time, so that latest may name an older one; run this again", image.ErrRegistry, res.Repository)
}

// highestRelease is the highest release that a repository has, without prereleases: one never has latest, and must not keep it.
func (p *Project) highestRelease(ctx context.Context, repository string) (string, error) {
	tags, err := p.Access.Tags(ctx, repository)
	return version.Tags{}.HighestRelease(tags), err
}
