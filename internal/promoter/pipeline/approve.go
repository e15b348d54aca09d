package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/page"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
)

// ApproveOptions say who approves of what.
type ApproveOptions struct {
	// Stage the package may go to; empty is the first that publishes.
	Stage string
	// Package is its file; empty is what verify left in the work directory.
	Package string
	// By is the approver's name, Comment the reason.
	By, Comment string
	// Key signs the approval.
	Key config.Key
}

// approverKey is the variable in which the command approve finds its key.
const approverKey = ci.ApproverKey

// ApproverKey is where an approver's key is when no file is named.
func ApproverKey() config.Key { return config.Key{Env: approverKey} }

// ApproveResult is an approval that promote takes with --record.
type ApproveResult struct {
	Stage         string `json:"stage"`
	Chart         string `json:"chart"`
	Version       string `json:"version"`
	PackageDigest string `json:"packageDigest"`
	By            string `json:"by"`
	File          string `json:"file,omitempty"`
}

// approvalMark stands in the name of an approval's file, between the package's name and who gave it.
const approvalMark = ".approval-"

// approvalFile is the name of an approval's file. Who gave it, with which key and for which stage is part of it: two
// approvals of one package are two files.
func approvalFile(pkg *chart.Package, who string) string {
	return pkg.Filename() + approvalMark + who + ".json"
}

// Approve signs that a package may go to a stage.
func Approve(_ context.Context, s *Session, o ApproveOptions) (*ApproveResult, error) {
	stage, err := s.publisher(o.Stage)
	if err != nil {
		return nil, err
	}
	if o.By == "" {
		return nil, fmt.Errorf("%w: an approval needs a name; give one with --by", ErrInput)
	}
	pkg, _, err := s.tested(PromoteOptions{Package: o.Package})
	if err != nil {
		return nil, err
	}
	key, err := s.key(o.Key)
	if err != nil {
		return nil, err
	}
	res := &ApproveResult{Stage: stage.Name, Chart: pkg.Name, Version: pkg.Version, PackageDigest: pkg.Digest, By: o.By}
	if s.DryRun {
		return res, nil
	}
	env, err := attest.SignApproval(attest.Approval{
		Chart: pkg.Name, Version: pkg.Version, PackageDigest: pkg.Digest, Stage: stage.Name, By: o.By, At: s.Now().UTC(), Comment: o.Comment,
	}, key)
	if err != nil {
		return nil, err
	}
	pub, err := attest.PublicKey(key)
	if err != nil {
		return nil, err
	}
	who := sha256.Sum256(fmt.Appendf(nil, "%q %q %s", stage.Name, o.By, pub))
	res.File, err = s.keep(approvalFile(pkg, hex.EncodeToString(who[:6])), env)
	return res, err
}

// YankResult says what was withdrawn.
type YankResult struct {
	Stage   string         `json:"stage"`
	Chart   string         `json:"chart"`
	Version string         `json:"version"`
	Result  publish.Result `json:"result"`
}

// Yank takes a version out of a stage's index. Its package stays, so that the version is never given to other bytes.
func Yank(ctx context.Context, s *Session, stageName, chartName, ver string) (*YankResult, error) {
	stage, err := s.publisher(stageName)
	if err != nil {
		return nil, err
	}
	target, err := s.target(stage)
	if err != nil {
		return nil, err
	}
	res := &YankResult{Stage: stage.Name, Chart: chartName, Version: ver}
	_, found, err := target.Lookup(ctx, chartName, ver)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%s has no %s %s: %w", stage.Name, chartName, ver, publish.ErrNone)
	}
	if s.DryRun {
		return res, nil
	}
	if res.Result, err = target.Yank(ctx, chartName, ver); err != nil {
		return res, err
	}
	s.pageKept(res.Result, page.LandingFile)
	return res, s.keepStatus(ctx, stage, target)
}
