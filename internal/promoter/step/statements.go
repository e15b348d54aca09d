package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/sbom"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// writeStatements leaves, beside the attestation, what other tools than this one read: SLSA provenance of the package, and an SBOM of
// its images where they can be read.
func (p *Project) writeStatements(ctx context.Context, stage *config.Stage, c *candidate.Candidate, described description, key []byte, start time.Time) error {
	pkg := c.Package
	provenance := attest.Provenance{
		Chart: pkg.Name, Version: pkg.Version, AppVersion: pkg.AppVersion, PackageDigest: pkg.Digest,
		Source: repositoryAddress(p.Config.Source.Git), SourceCommit: c.SourceCommit, Stage: stage.Name, Run: p.build().Run,
		StartedAt: start.UTC(), FinishedAt: p.Now().UTC(),
	}
	document, unread := described()
	if unread != nil && ctx.Err() != nil {
		return unread
	}
	for _, img := range document.Images {
		provenance.Images = append(provenance.Images, attest.ImageRef{Ref: img.Ref, Digest: img.Digest, Go: img.Toolchains()})
	}
	envelope, err := attest.SignProvenance(provenance, key)
	if err != nil {
		return err
	}
	if _, err := p.Work.Write(verified.StatementFile(pkg, "provenance"), envelope); err != nil {
		return err
	}
	file := verified.StatementFile(pkg, "sbom")
	if err := p.Work.Remove(file); err != nil {
		return err
	}
	text, err := document.JSON()
	if err = cmp.Or(unread, err); err != nil {
		p.line("there is no SBOM: %v", err)
		return nil
	}
	if envelope, err = attest.SignSBOM(pkg.Name, pkg.Version, pkg.Digest, text, key); err != nil {
		return err
	}
	_, err = p.Work.Write(file, envelope)
	return err
}

// description is what a candidate consists of. The first call reads its images, which takes seconds, or minutes from a registry far away;
// others wait for it.
type description func() (sbom.Document, error)

func (p *Project) description(ctx context.Context, c *candidate.Candidate) description {
	return sync.OnceValues(func() (sbom.Document, error) { return p.describe(ctx, c) })
}

// describe returns what a candidate consists of. With an error, images have no platforms from the one on that cannot be read.
func (p *Project) describe(ctx context.Context, c *candidate.Candidate) (document sbom.Document, err error) {
	document = sbom.Document{Chart: c.Package.Name, Version: c.Package.Version, Digest: c.Package.Digest, Created: p.Now().UTC()}
	for _, img := range c.Images {
		if img.Digest == "" {
			continue
		}
		var platforms []sbom.Platform
		if err == nil {
			platforms, err = p.Access.Programs(ctx, img.Repository+"@"+img.Digest)
		}
		document.Images = append(document.Images, sbom.Image{Ref: img.Ref(), Digest: img.Digest, Platforms: platforms})
	}
	return document, err
}

// signManifest returns what signs the manifest of a chart in a registry with the key of the publishing stage, nil for a stage without one.
func (p *Project) signManifest(stage *config.Stage, pkg *verified.Package) (func(manifest string) ([][]byte, error), error) {
	if stage.Publish.OCI == "" || stage.Key == (config.Key{}) {
		return nil, nil
	}
	key, err := p.Keys().Read(stage.Key)
	if errors.Is(err, attest.ErrNoKey) && stage.Verify != nil {
		return nil, nil // its default key, which signs attestations where the stage tests
	}
	if err != nil {
		return nil, fmt.Errorf("the signature of stage %s requires a key: %w", stage.Name, err)
	}
	var pubs [][]byte
	for _, tester := range p.Config.Testers() {
		if pub, err := p.Keys().Public(tester); err == nil {
			pubs = append(pubs, pub)
		}
	}
	name := strings.Trim(strings.TrimPrefix(stage.Publish.OCI, "oci://"), "/") + "/" + pkg.Name
	return func(manifest string) ([][]byte, error) {
		return attest.SignManifest(pkg.Envelopes, pkg.Digest, name, manifest, key, pubs...)
	}, nil
}
