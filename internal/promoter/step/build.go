package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// BuiltImage is one image of a commit.
type BuiltImage struct {
	Name string `json:"name,omitempty"`
	// Repository, Tag and Digest name the image; one that was built elsewhere may have no tag.
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest"`
	// Pushed is false when the registry had the image already, or nothing may be pushed.
	Pushed bool `json:"pushed"`
	// Latest is true if the tag latest names this image now.
	Latest bool `json:"latest,omitempty"`
}

// Ref is the image's whole name.
func (b BuiltImage) Ref() string { return image.Reference(b.Repository, b.Tag, b.Digest) }

// BuildResult is the image of a commit: the first one, where there are several.
type BuildResult struct {
	Version version.Version `json:"version"`
	BuiltImage
	// Images are all of several images.
	Images []BuiltImage `json:"images,omitempty"`
	// Files is the reference by digest of the other files of the build.
	Files string `json:"files,omitempty"`
	// Withheld is why nothing was pushed.
	Withheld string `json:"withheld,omitempty"`

	// withheld is the reason of Withheld.
	withheld *Skip
}

// all are the images, however many.
func (b *BuildResult) all() []BuiltImage {
	if len(b.Images) > 0 {
		return b.Images
	}
	return []BuiltImage{b.BuiltImage}
}

func (b *BuildResult) set(images []BuiltImage) {
	b.BuiltImage = images[0]
	b.Name = ""
	if len(images) > 1 {
		b.Images = images
	}
}

// BuildOptions change what Build does.
type BuildOptions struct {
	// SkipTests does not run the unit tests.
	SkipTests bool
	// Platforms replaces those of the configuration.
	Platforms []string
	// Digests are those of images that were built elsewhere, by the image's name.
	Digests map[string]string
}

const buildFile = "build.json"

// Build exports the commit, runs its unit tests, builds its images and pushes them under its tag; as latest too if it is the highest
// release. Nothing is pushed before all are built. Builds of pull requests and forks end before the push.
//
// What several charts share is built once, with the version of the program, which no chart's tag changes.
func Build(ctx context.Context, p *Project, o BuildOptions) (*BuildResult, error) {
	if p.shared != nil {
		return p.shared.build(ctx, p, o)
	}
	return build(ctx, p, o)
}

func build(ctx context.Context, p *Project, o BuildOptions) (*BuildResult, error) {
	stage := p.Config.Builder()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage has build; add it to a stage", config.ErrInvalid)
	}
	v, err := programVersion(ctx, p)
	if err != nil {
		return nil, err
	}
	var skip *Skip
	if err := p.authorize(ctx, "push nothing", p.headOf(ctx, p.Dir)...); err != nil && !errors.As(err, &skip) {
		return nil, err
	}
	images := stage.Build.All()
	withheld := p.withholdImage()
	res := &BuildResult{Version: v.Version, withheld: withheld}
	built := make([]BuiltImage, len(images))
	for i, img := range images {
		if withheld != nil || skip != nil {
			built[i] = BuiltImage{Name: img.Name, Repository: img.Repository, Tag: img.Tag, Digest: img.DigestText()}
			continue
		}
		if built[i], err = p.beforeBuild(ctx, img, o.Digests); err != nil {
			return nil, err
		}
	}
	dir, when, err := p.testedSource(ctx, stage.Build, v.Commit, o.SkipTests)
	if err != nil {
		return nil, err
	}
	indexes := make([]v1.ImageIndex, len(images))
	for i, img := range images {
		if img.Elsewhere() {
			continue
		}
		built[i] = BuiltImage{Name: img.Name, Repository: img.Repository, Tag: v.ImageTag}
		if indexes[i], built[i].Digest, err = p.buildImage(ctx, img, v, dir, when, o.Platforms); err != nil {
			return nil, err
		}
	}
	res.set(built)
	if res.Files, err = p.buildFiles(ctx, stage.Build, v, dir, when); err != nil {
		return nil, err
	}
	if withheld != nil {
		res.Withheld = withheld.Why
		return res, nil
	}
	if err := p.pushImages(ctx, indexes, v, built); err != nil {
		return nil, err
	}
	res.set(built)
	return res, p.Work.WriteJSON(buildFile, res)
}

// testedSource is the exported source of a commit that has passed its unit tests, and the time of the commit.
func (p *Project) testedSource(ctx context.Context, b *config.Build, commit string, skipTests bool) (dir string, when time.Time, err error) {
	tests := b.Test != nil && !skipTests
	if !tests {
		p.othersMayBegin()
	}
	if dir, when, err = p.exportSource(ctx, p.Dir, commit); err != nil || !tests {
		return dir, when, err
	}
	if err := p.unitTests(ctx, *b.Test, dir); err != nil {
		return "", when, untested(ctx, b.All(), dir, err)
	}
	p.othersMayBegin()
	return dir, when, nil
}

func (p *Project) othersMayBegin() {
	if p.mayBegin != nil {
		p.mayBegin()
	}
}

// pushImages pushes the images that were built here: those built elsewhere have no index.
func (p *Project) pushImages(ctx context.Context, indexes []v1.ImageIndex, v *VersionResult, built []BuiltImage) error {
	for i, idx := range indexes {
		if idx == nil {
			continue
		}
		if err := p.pushImage(ctx, idx, v, &built[i]); err != nil {
			return err
		}
	}
	return nil
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

func (p *Project) pushImage(ctx context.Context, idx v1.ImageIndex, v *VersionResult, res *BuiltImage) error {
	var err error
	final := v.Release || v.Prerelease
	if _, res.Pushed, err = p.Access.Push(ctx, idx, res.Repository+":"+res.Tag, final); err != nil {
		return err
	}
	p.line("%s %s", map[bool]string{true: "pushed", false: "the registry has"}[res.Pushed], res.Ref())
	if !v.Release {
		return nil
	}
	return p.moveLatest(ctx, res)
}
