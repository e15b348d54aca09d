package step

import (
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// ApproveOptions are the approver and the package.
type ApproveOptions struct {
	// Stage that the package may go to; empty is the first that publishes.
	Stage string
	// Package is its file; empty is the package that verify left in the work directory.
	Package string
	// By is the approver's name, Comment the reason.
	By, Comment string
	// Key signs the approval.
	Key config.Key
}

// ApproveResult is an approval that promote takes.
type ApproveResult struct {
	Stage         string `json:"stage"`
	Chart         string `json:"chart"`
	Version       string `json:"version"`
	PackageDigest string `json:"packageDigest"`
	By            string `json:"by"`
	File          string `json:"file,omitempty"`
}

// Approve signs that a package may go to a stage.
func Approve(p *Project, o ApproveOptions) (*ApproveResult, error) {
	stage, err := p.Stages().Publisher(o.Stage)
	if err != nil {
		return nil, err
	}
	if o.By == "" {
		return nil, fmt.Errorf("%w: an approval requires a name; set one with --by", failure.ErrInput)
	}
	pkg, err := p.readTested(PromoteOptions{Package: o.Package})
	if err != nil {
		return nil, err
	}
	key, err := p.Keys().Read(o.Key)
	if err != nil {
		return nil, err
	}
	res := &ApproveResult{Stage: stage.Name, Chart: pkg.Name, Version: pkg.Version, PackageDigest: pkg.Digest, By: o.By}
	if p.DryRun {
		return res, nil
	}
	res.File, err = verified.Approve(p.Work, pkg.Package, attest.Approval{Stage: stage.Name, By: o.By, At: p.Now().UTC(), Comment: o.Comment}, key)
	return res, err
}
