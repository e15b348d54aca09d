package step

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
)

// PackageResult is a chart that was linted and packaged.
type PackageResult struct {
	Chart   string `json:"chart"`
	Version string `json:"version"`
	// PackageDigest is the SHA-256 of the package, hex, and Package its file, empty in a dry run.
	PackageDigest string `json:"packageDigest"`
	Package       string `json:"package,omitempty"`
	SourceCommit  string `json:"sourceCommit"`
}

// Package lints and packages the chart of the commit as a candidate would be, without credentials, repositories or a cluster: what a
// pull request, or a laptop, can check. The fields of images stay as the chart has them, unless the commit was built in this work
// directory: no registry is read for them. Since is what a chart whose version is in
// Chart.yaml must be higher than. Errors: candidate.ErrNotRaised, and those of candidate.Repository.
func Package(ctx context.Context, p *Project, since string) (*PackageResult, error) {
	v, err := Version(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := p.checkRaised(ctx, since); err != nil {
		return nil, err
	}
	u := candidate.Update{Version: v.Version, Tag: v.Tag}
	if img := p.builtHere(v.program); img != nil {
		u.Images = img.candidates()
	} else if p.Config.Builder() != nil {
		p.line("the fields of images stay as they are in %s: this commit was not built here", p.Config.Chart.Path)
	}
	if u.Changes, err = p.changes(ctx, v.Commit); err != nil {
		return nil, err
	}
	closeTree, err := p.exportChart(ctx, v.Commit, &u)
	if err != nil {
		return nil, err
	}
	defer closeTree()
	pkg, err := p.candidates().Preview(ctx, u)
	if err != nil {
		return nil, err
	}
	res := &PackageResult{Chart: pkg.Name, Version: pkg.Version, PackageDigest: pkg.Digest, SourceCommit: v.Commit}
	p.line("packaged %s, sha256 %s", pkg.Filename(), pkg.Digest)
	if !p.DryRun {
		if res.Package, err = p.Work.Write(pkg.Filename(), pkg.Bytes); err != nil {
			return nil, err
		}
	}
	_, err = p.Work.Clear("source")
	return res, err
}
