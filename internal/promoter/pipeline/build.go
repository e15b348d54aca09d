package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// BuildResult is the image of a commit.
type BuildResult struct {
	Version version.Version `json:"version"`
	// Repository, Tag and Digest name the image.
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
	// Pushed is false when the registry had it already, or nothing may be pushed here.
	Pushed bool `json:"pushed"`
	// Latest says that the tag latest names this image now.
	Latest bool `json:"latest,omitempty"`
	// Withheld says why nothing was pushed.
	Withheld string `json:"withheld,omitempty"`
}

// Ref is the image's whole name.
func (b BuildResult) Ref() string { return image.Reference(b.Repository, b.Tag, b.Digest) }

// BuildOptions change what Build does.
type BuildOptions struct {
	// SkipTests leaves the unit tests out.
	SkipTests bool
	// Platforms replaces those of the configuration.
	Platforms []string
}

const buildFile = "build.json"

// Build exports the commit, runs its unit tests, builds the image and pushes it under its tag; latest too when it is the
// highest release. Builds of pull requests and forks end before the push.
func Build(ctx context.Context, s *Session, o BuildOptions) (*BuildResult, error) {
	stage := s.Config.Builder()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage builds", config.ErrInvalid)
	}
	v, err := Version(ctx, s)
	if err != nil {
		return nil, err
	}
	if !s.DryRun && v.CI.MayPush() {
		if err := s.Access.CheckPush(ctx, stage.Build.Image.Repository); err != nil {
			return nil, err
		}
	}
	dir, when, err := s.exportSource(ctx, s.Dir, v.Commit)
	if err != nil {
		return nil, err
	}
	if t := stage.Build.Test; t != nil && !o.SkipTests {
		if err := s.unitTests(ctx, *t, dir); err != nil {
			return nil, err
		}
	}
	idx, err := image.Build(ctx, s.spec(stage.Build.Image, v, dir, when, o.Platforms))
	if err != nil {
		return nil, err
	}
	hash, err := idx.Digest()
	if err != nil {
		return nil, err
	}
	res := &BuildResult{Version: v.Version, Repository: stage.Build.Image.Repository, Tag: v.ImageTag, Digest: hash.String()}
	switch {
	case s.DryRun:
		res.Withheld = "this is a dry run"
		return res, nil
	case !v.CI.MayPush():
		res.Withheld = "this is the build of a pull request or of a fork, which has no credentials"
		return res, nil
	}
	if err := s.push(ctx, idx, v, res); err != nil {
		return nil, err
	}
	return res, s.keepJSON(buildFile, res)
}

func (s *Session) unitTests(ctx context.Context, c config.Command, dir string) error {
	report, err := s.runTests(ctx, c, dir, nil)
	if report != nil {
		s.line("unit tests: %s", report.Summary())
	}
	if err != nil {
		s.recap(report)
		return fmt.Errorf("unit tests: %w", err)
	}
	return nil
}

func (s *Session) spec(c config.Image, v *VersionResult, dir string, when time.Time, platforms []string) image.Spec {
	replace := strings.NewReplacer("{version}", v.Chart, "{commit}", v.Commit, "{date}", when.UTC().Format(time.RFC3339))
	flags := make([]string, len(c.LDFlags))
	for i, f := range c.LDFlags {
		flags[i] = replace.Replace(f)
	}
	labels := map[string]string{
		"org.opencontainers.image.revision": v.Commit,
		"org.opencontainers.image.version":  v.Chart,
		"org.opencontainers.image.created":  when.UTC().Format(time.RFC3339),
	}
	for k, l := range c.Labels {
		labels[k] = l
	}
	if len(platforms) == 0 {
		platforms = c.Platforms
	}
	return image.Spec{
		SourceDir: dir, Package: c.Package, Programs: c.Programs, Platforms: platforms, LDFlags: flags, User: c.User, Labels: labels, SourceDate: when,
		Log: func(l string) { s.line("%s", l) },
	}
}

func (s *Session) push(ctx context.Context, idx v1.ImageIndex, v *VersionResult, res *BuildResult) error {
	var err error
	final := v.Release || v.Prerelease
	if _, res.Pushed, err = s.Access.Push(ctx, idx, res.Repository+":"+res.Tag, final); err != nil {
		return err
	}
	s.line("%s %s", map[bool]string{true: "pushed", false: "the registry has"}[res.Pushed], res.Ref())
	if !v.Release {
		return nil
	}
	tags, err := s.Access.Tags(ctx, res.Repository)
	if err != nil {
		return err
	}
	// A fix of an old line of releases must not take latest back, and a prerelease, which never has it, must not keep it.
	if highest := version.HighestRelease(tags); version.Compare(highest, res.Tag) > 0 {
		s.line("latest stays, %s is higher", highest)
		return nil
	}
	if _, _, err = s.Access.Push(ctx, idx, res.Repository+":latest", false); err != nil {
		return err
	}
	res.Latest = true
	return nil
}

// exportSource writes the files of a commit below the work directory, always in the same place: the compiler's cache
// knows packages by their path.
func (s *Session) exportSource(ctx context.Context, repo, commit string) (dir string, when time.Time, err error) {
	r, err := gitrepo.Open(ctx, repo, s.gitOptions())
	if err != nil {
		return "", time.Time{}, err
	}
	if when, err = r.CommitTime(ctx, commit); err != nil {
		return "", time.Time{}, err
	}
	work, err := filepath.Abs(s.Work)
	if err != nil {
		return "", time.Time{}, err
	}
	dir = filepath.Join(work, "source")
	if err := os.RemoveAll(dir); err != nil {
		return "", time.Time{}, fmt.Errorf("clearing %s: %w: %w", dir, ErrInput, err)
	}
	return dir, when, r.Export(ctx, commit, dir)
}

// built gives the image of a version: the one that a build in this work directory made, or else the one that the
// registry has under the version's tag.
func (s *Session) built(ctx context.Context, v version.Version) (*BuildResult, error) {
	stage := s.Config.Builder()
	if stage == nil {
		return nil, nil
	}
	var res BuildResult
	if s.recall(buildFile, &res) && res.Version == v && res.Repository == stage.Build.Image.Repository {
		return &res, nil
	}
	res = BuildResult{Version: v, Repository: stage.Build.Image.Repository, Tag: v.ImageTag}
	var err error
	res.Digest, err = s.Access.Digest(ctx, res.Repository+":"+res.Tag)
	if errors.Is(err, image.ErrNoImage) {
		return nil, fmt.Errorf("%w; build it first", err)
	}
	return &res, err
}
