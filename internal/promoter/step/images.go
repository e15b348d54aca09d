package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// beforeBuild finds out before anything is built whether an image can be pushed, or exists where it was built elsewhere.
func (p *Project) beforeBuild(ctx context.Context, img config.Image, digests map[string]string) (BuiltImage, error) {
	if img.Elsewhere() {
		return p.fromElsewhere(ctx, img, digests)
	}
	return BuiltImage{}, p.Access.CheckPush(ctx, img.Repository)
}

// fromElsewhere is an image that was built elsewhere, by its digest, which the registry has. Errors: config.ErrInvalid, image.ErrNoImage.
func (p *Project) fromElsewhere(ctx context.Context, img config.Image, digests map[string]string) (BuiltImage, error) {
	digest := digests[img.Name]
	if digest == "" {
		digest = img.DigestText()
	}
	if digest == "" && img.DigestFile != "" {
		data, err := os.ReadFile(p.Config.Path(img.DigestFile))
		if err != nil {
			return BuiltImage{}, fmt.Errorf("%w: digestFile of image %s: %w", config.ErrInvalid, img.Name, err)
		}
		digest = strings.TrimSpace(string(data))
	}
	// What `docker push` and other tools print names the repository too.
	digest = strings.TrimPrefix(digest, img.Repository+"@")
	if !config.IsDigest(digest) {
		return BuiltImage{}, fmt.Errorf("%w: image %s has the digest %q; set sha256:… with --image-digest %s=DIGEST, digest or digestFile, or package, dockerfile or layout to build it", config.ErrInvalid, img.Name, digest, img.Name)
	}
	built := BuiltImage{Name: img.Name, Repository: img.Repository, Tag: img.Tag, Digest: digest}
	if _, err := p.Access.Digest(ctx, image.Reference(img.Repository, "", digest)); err != nil {
		return BuiltImage{}, fmt.Errorf("image %s, which was built elsewhere: %w", img.Name, err)
	}
	if img.Tag == "" {
		return built, nil
	}
	tagged, err := p.Access.Digest(ctx, image.Reference(img.Repository, img.Tag, ""))
	if err == nil && tagged != digest {
		err = fmt.Errorf("%w: %s names %s, not the given digest %s; hand in the digest and the tag of one image", config.ErrInvalid, image.Reference(img.Repository, img.Tag, ""), tagged, digest)
	}
	return built, err
}

// buildImage builds an image in its way.
func (p *Project) buildImage(ctx context.Context, img config.Image, v *VersionResult, dir string, when time.Time, platforms []string) (v1.ImageIndex, string, error) {
	if len(platforms) == 0 {
		platforms = img.Platforms
	}
	var idx v1.ImageIndex
	var err error
	switch {
	case img.Dockerfile != "":
		args := map[string]string{}
		for k, a := range img.Args {
			args[k] = replaced(v, when).Replace(a)
		}
		idx, err = image.FromDockerfile(ctx, image.DockerSpec{
			Engine: cluster.EngineCommand(), Dockerfile: filepath.Join(dir, img.Dockerfile), Context: filepath.Join(dir, img.Context), Args: args,
			Platforms: platforms, Labels: labels(img, v, when), SourceDate: when, Log: report.Lines(p.Report),
		})
	case img.Layout != nil:
		idx, err = p.layout(ctx, img, dir, platforms)
	default:
		idx, err = image.Build(ctx, p.imageSpec(img, v, dir, when, platforms))
	}
	if err != nil {
		return nil, "", fmt.Errorf("image %s: %w", img.Name, err)
	}
	hash, err := idx.Digest()
	return idx, hash.String(), err
}

// layout runs the command that writes an OCI image layout, and reads it.
func (p *Project) layout(ctx context.Context, img config.Image, dir string, platforms []string) (v1.ImageIndex, error) {
	out, err := p.Work.Clear("image-" + img.Name)
	if err != nil {
		return nil, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	if _, err := p.tests().Command(ctx, *img.Layout, dir, []string{"IMAGE_LAYOUT=" + out, "IMAGE_PLATFORMS=" + strings.Join(platforms, ",")}); err != nil {
		return nil, err
	}
	// What the registry has under this digest is what its users get, whatever is found here.
	return image.FromLayout(out, func(digest v1.Hash) bool {
		if p.withholdImage() != nil {
			return false
		}
		_, err := p.Access.Digest(ctx, img.Repository+"@"+digest.String())
		return err == nil
	})
}

func replaced(v *VersionResult, when time.Time) *strings.Replacer {
	return strings.NewReplacer("{version}", v.Chart, "{commit}", v.Commit, "{date}", when.UTC().Format(time.RFC3339))
}

func labels(c config.Image, v *VersionResult, when time.Time) map[string]string {
	all := map[string]string{
		"org.opencontainers.image.revision": v.Commit, "org.opencontainers.image.version": v.Chart,
		"org.opencontainers.image.created": when.UTC().Format(time.RFC3339),
	}
	for k, l := range c.Labels {
		all[k] = l
	}
	return all
}

func (p *Project) imageSpec(c config.Image, v *VersionResult, dir string, when time.Time, platforms []string) image.Spec {
	flags := make([]string, len(c.LDFlags))
	for i, f := range c.LDFlags {
		flags[i] = replaced(v, when).Replace(f)
	}
	return image.Spec{
		SourceDir: dir, Package: c.Package, Programs: c.Programs, Platforms: platforms, LDFlags: flags, User: c.User, Labels: labels(c, v, when), SourceDate: when,
		Log: report.Lines(p.Report),
	}
}

// imageOf returns the images of a version of the program: those that were built in this work directory, or else those that the registry
// has under the version's tag; nil if no stage builds. Errors: image.ErrNoImage, config.ErrInvalid.
func (p *Project) imageOf(ctx context.Context, v version.Version) (*BuildResult, error) {
	stage := p.Config.Builder()
	if stage == nil {
		return nil, nil
	}
	if res := p.builtHere(v); res != nil {
		return res, nil
	}
	images := stage.Build.All()
	res := BuildResult{Version: v}
	found := make([]BuiltImage, len(images))
	for i, img := range images {
		var err error
		if img.Elsewhere() {
			found[i], err = p.fromElsewhere(ctx, img, nil)
		} else {
			found[i] = BuiltImage{Name: img.Name, Repository: img.Repository, Tag: v.ImageTag}
			found[i].Digest, err = p.Access.Digest(ctx, img.Repository+":"+v.ImageTag)
		}
		if errors.Is(err, image.ErrNoImage) && !img.Elsewhere() {
			err = fmt.Errorf("%w; run build first", err)
		}
		if err != nil {
			return nil, err
		}
	}
	res.set(found)
	return &res, nil
}

// builtHere are the images of a version of the program that were built in this work directory, nil if they were not.
func (p *Project) builtHere(v version.Version) *BuildResult {
	stage := p.Config.Builder()
	var res BuildResult
	if stage == nil || !p.buildWork().ReadJSON(buildFile, &res) || res.Version != v || !res.are(stage.Build.All()) {
		return nil
	}
	return &res
}

// are reports whether a result is that of these images.
func (b *BuildResult) are(images []config.Image) bool {
	built := b.all()
	if len(built) != len(images) {
		return false
	}
	for i, img := range images {
		if built[i].Repository != img.Repository {
			return false
		}
	}
	return true
}

// candidates are the images as a candidate names them.
func (b *BuildResult) candidates() []candidate.Image {
	var list []candidate.Image
	for _, i := range b.all() {
		list = append(list, candidate.Image{Repository: i.Repository, Tag: i.Tag, Digest: i.Digest})
	}
	return list
}
