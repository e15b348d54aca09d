package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// BuildResult is the image of a commit.
type BuildResult struct {
	Version version.Version `json:"version"`
	// Repository, Tag and Digest name the image.
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
	// Pushed is false when the registry had the image already, or nothing may be pushed.
	Pushed bool `json:"pushed"`
	// Latest is true if the tag latest names this image now.
	Latest bool `json:"latest,omitempty"`
	// Files is the reference by digest of the other files of the build.
	Files string `json:"files,omitempty"`
	// Withheld is why nothing was pushed.
	Withheld string `json:"withheld,omitempty"`

	// withheld is the reason of Withheld.
	withheld *Skip
}

// Ref is the image's whole name.
func (b BuildResult) Ref() string { return image.Reference(b.Repository, b.Tag, b.Digest) }

// BuildOptions change what Build does.
type BuildOptions struct {
	// SkipTests does not run the unit tests.
	SkipTests bool
	// Platforms replaces those of the configuration.
	Platforms []string
}

const buildFile = "build.json"

// Build exports the commit, runs its unit tests, builds the image and pushes it under its tag; as latest too if it is the highest
// release. Builds of pull requests and forks end before the push.
func Build(ctx context.Context, p *Project, o BuildOptions) (*BuildResult, error) {
	stage := p.Config.Builder()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage has build; add it to a stage", config.ErrInvalid)
	}
	v, err := Version(ctx, p)
	if err != nil {
		return nil, err
	}
	var skip *Skip
	switch err := p.authorize(ctx, "push nothing", p.headOf(ctx, p.Dir)...); {
	case errors.As(err, &skip):
	case err != nil:
		return nil, err
	case !p.DryRun:
		if err := p.Access.CheckPush(ctx, stage.Build.Image.Repository); err != nil {
			return nil, err
		}
	}
	dir, when, err := p.exportSource(ctx, p.Dir, v.Commit)
	if err != nil {
		return nil, err
	}
	if t := stage.Build.Test; t != nil && !o.SkipTests {
		if err := p.unitTests(ctx, *t, dir); err != nil {
			return nil, err
		}
	}
	idx, err := image.Build(ctx, p.imageSpec(stage.Build.Image, v, dir, when, o.Platforms))
	if err != nil {
		return nil, err
	}
	hash, err := idx.Digest()
	if err != nil {
		return nil, err
	}
	res := &BuildResult{Version: v.Version, Repository: stage.Build.Image.Repository, Tag: v.ImageTag, Digest: hash.String()}
	if res.Files, err = p.buildFiles(ctx, stage.Build, v, dir, when); err != nil {
		return nil, err
	}
	if res.withheld = p.withholdImage(); res.withheld != nil {
		res.Withheld = res.withheld.Why
		return res, nil
	}
	if err := p.pushImage(ctx, idx, v, res); err != nil {
		return nil, err
	}
	return res, p.Work.WriteJSON(buildFile, res)
}

// withholdImage is why an image is not pushed, nil if it is.
func (p *Project) withholdImage() *Skip {
	if p.DryRun {
		return &Skip{DryRun, "this is a dry run"}
	}
	return p.untrusted("have no credentials")
}

func (p *Project) unitTests(ctx context.Context, c config.Command, dir string) error {
	result, err := p.tests().Command(ctx, c, dir, nil)
	if result != nil {
		p.line("unit tests: %s", result.Summary())
	}
	if err != nil {
		p.tests().Recap(result)
		return fmt.Errorf("unit tests: %w", err)
	}
	return nil
}

func (p *Project) imageSpec(c config.Image, v *VersionResult, dir string, when time.Time, platforms []string) image.Spec {
	date := when.UTC().Format(time.RFC3339)
	replace := strings.NewReplacer("{version}", v.Chart, "{commit}", v.Commit, "{date}", date)
	flags := make([]string, len(c.LDFlags))
	for i, f := range c.LDFlags {
		flags[i] = replace.Replace(f)
	}
	labels := map[string]string{
		"org.opencontainers.image.revision": v.Commit, "org.opencontainers.image.version": v.Chart, "org.opencontainers.image.created": date,
	}
	for k, l := range c.Labels {
		labels[k] = l
	}
	if len(platforms) == 0 {
		platforms = c.Platforms
	}
	return image.Spec{
		SourceDir: dir, Package: c.Package, Programs: c.Programs, Platforms: platforms, LDFlags: flags, User: c.User, Labels: labels, SourceDate: when,
		Log: report.Lines(p.Report),
	}
}

func (p *Project) pushImage(ctx context.Context, idx v1.ImageIndex, v *VersionResult, res *BuildResult) error {
	var err error
	final := v.Release || v.Prerelease
	if _, res.Pushed, err = p.Access.Push(ctx, idx, res.Repository+":"+res.Tag, final); err != nil {
		return err
	}
	p.line("%s %s", map[bool]string{true: "pushed", false: "the registry has"}[res.Pushed], res.Ref())
	if !v.Release {
		return nil
	}
	tags, err := p.Access.Tags(ctx, res.Repository)
	if err != nil {
		return err
	}
	// A fix of an old line of releases must not take latest, and a prerelease, which never has it, must not keep it.
	if highest := (version.Tags{}).HighestRelease(tags); version.Compare(highest, res.Tag) > 0 {
		p.line("latest is not moved: %s is higher", highest)
		return nil
	}
	if _, _, err = p.Access.Push(ctx, idx, res.Repository+":latest", false); err != nil {
		return err
	}
	res.Latest = true
	return nil
}

type buildStep struct{ stage *config.Stage }

func (buildStep) Name() string      { return "build" }
func (s buildStep) Stage() string   { return s.stage.Name }
func (s buildStep) Does() string    { return "test, build and push " + s.stage.Build.Image.Repository }
func (buildStep) Command() []string { return []string{"build"} }
func (buildStep) Skip(*State) *Skip { return nil }

func (s buildStep) Inputs(v *VersionResult) map[string]string {
	i := s.stage.Build.Image
	return map[string]string{"package": i.Package, "image": i.Repository + ":" + v.ImageTag}
}

func (buildStep) Run(ctx context.Context, s *State) (string, error) {
	var err error
	if s.Build, err = Build(ctx, s.Project, s.Options.Build); err != nil {
		return "", err
	}
	if s.Build.withheld != nil {
		return "built " + s.Build.Digest + ", not pushed: " + s.Build.Withheld, nil
	}
	return s.Build.Ref(), nil
}

func (s buildStep) Requirements() []Requirement {
	repository := s.stage.Build.Image.Repository
	return []Requirement{program("build", "go", "version"), {
		What: "registry of " + repository, For: "build",
		Check: func(ctx context.Context, p *Project) (string, error) {
			return "accepts pushes", p.Access.CheckPush(ctx, repository)
		},
	}}
}
