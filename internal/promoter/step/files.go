package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
)

// maxFiles limits the files of a build together, in bytes: they are in memory.
const maxFiles = 1 << 30

// fileName is the name of a file in a chart repository; it must not lead out of its directory or hide there.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$`)

// filesTag is the tag of the files of an image's tag.
func filesTag(imageTag string) string { return imageTag + "-files" }

// buildFiles creates the other files of a commit and pushes them; it returns their reference by digest, "" for a stage without files.
// Files of a release that the registry has are not built again.
func (p *Project) buildFiles(ctx context.Context, b *config.Build, v *VersionResult, dir string, when time.Time) (string, error) {
	if b.Files == nil {
		return "", nil
	}
	push := p.withholdImage() == nil
	ref := b.FilesRepository() + ":" + filesTag(v.ImageTag)
	if push && (v.Release || v.Prerelease) {
		digest, err := p.releasedFiles(ctx, ref, v.Commit)
		if err != nil || digest != "" {
			return digest, err
		}
	}
	if c := b.Files.Command; c != nil {
		env := []string{"VERSION=" + v.Chart, "APP_VERSION=" + v.App, "COMMIT=" + v.Commit, "SOURCE_DATE_EPOCH=" + strconv.FormatInt(when.Unix(), 10)}
		if result, err := p.tests().Command(ctx, *c, dir, env); err != nil {
			p.tests().Recap(result)
			return "", fmt.Errorf("build.files: %w", err)
		}
	}
	files, err := collectFiles(dir, b.Files.Paths)
	if err != nil || !push {
		return "", err
	}
	digest, err := p.Access.PushFiles(ctx, ref, files, v.Commit)
	if err != nil {
		return "", err
	}
	p.line("pushed %d files as %s", len(files), ref)
	return ref + "@" + digest, nil
}

// releasedFiles is the reference of the files that the registry has for a release, "" if it has none. Error: image.ErrTagTaken.
func (p *Project) releasedFiles(ctx context.Context, ref, commit string) (string, error) {
	_, revision, err := p.Access.Files(ctx, ref)
	switch {
	case errors.Is(err, image.ErrNoImage):
		return "", nil
	case err != nil:
		return "", err
	case revision != commit:
		return "", fmt.Errorf("%s has the files of commit %.7s: %w; a release is never replaced, create a new one", ref, revision, image.ErrTagTaken)
	}
	digest, err := p.Access.Digest(ctx, ref)
	if err != nil {
		return "", err
	}
	p.line("the registry has %s", ref)
	return ref + "@" + digest, nil
}

// collectFiles reads the files that patterns match below dir.
func collectFiles(dir string, patterns []string) ([]image.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []image.File
	seen, total := map[string]string{}, int64(0)
	for _, pattern := range patterns {
		matches, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(matches) == 0 {
			return nil, fmt.Errorf("%w: build.files.paths: no file matches %s; check the pattern and what the command creates", failure.ErrInput, pattern)
		}
		for _, path := range matches {
			rel, _ := filepath.Rel(dir, path)
			f, err := readFile(root, rel)
			if err != nil {
				return nil, err
			}
			if before, ok := seen[f.Name]; ok && before != rel {
				return nil, fmt.Errorf("%w: build.files.paths: %s and %s have the same name; rename one of them", failure.ErrInput, before, rel)
			} else if ok {
				continue
			}
			if total += f.Size; total > maxFiles {
				return nil, fmt.Errorf("%w: build.files: the files have more than 1 GiB together; publish less", failure.ErrInput)
			}
			seen[f.Name] = rel
			files = append(files, f)
		}
	}
	return files, nil
}

// readFile reads a regular file; a link would publish another file of this machine.
func readFile(root *os.Root, rel string) (image.File, error) {
	info, err := root.Lstat(rel)
	if err != nil {
		return image.File{}, fmt.Errorf("%w: build.files: %w", failure.ErrInput, err)
	}
	name := filepath.Base(rel)
	if !info.Mode().IsRegular() || !fileName.MatchString(name) || info.Size() > maxFiles {
		return image.File{}, fmt.Errorf("%w: build.files: %s is not a regular file of at most 1 GiB with a name of letters, digits, dots, hyphens and underscores", failure.ErrInput, rel)
	}
	data, err := root.ReadFile(rel)
	if err != nil {
		return image.File{}, fmt.Errorf("%w: build.files: %w", failure.ErrInput, err)
	}
	return image.File{Name: name, Digest: chart.Digest(data), Size: int64(len(data)), Content: data}, nil
}

// filesOf is the reference of the files of a version: of those that were built in this work directory, or else of those that the
// registry has; "" if the build has none. Error: image.ErrNoImage.
func (p *Project) filesOf(ctx context.Context, img *BuildResult) (string, error) {
	stage := p.Config.Builder()
	if stage == nil || stage.Build.Files == nil || img == nil {
		return "", nil
	}
	if img.Files != "" {
		return img.Files, nil
	}
	ref := stage.Build.FilesRepository() + ":" + filesTag(img.Version.ImageTag)
	digest, err := p.Access.Digest(ctx, ref)
	if errors.Is(err, image.ErrNoImage) {
		return "", fmt.Errorf("%w; run build first", err)
	}
	return ref + "@" + digest, err
}

// attestedFiles lists the files of a candidate for its attestation.
func (p *Project) attestedFiles(ctx context.Context, ref string) ([]attest.File, error) {
	if ref == "" {
		return nil, nil
	}
	files, _, err := p.Access.Files(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []attest.File
	for _, f := range files {
		if !fileName.MatchString(f.Name) {
			return nil, fmt.Errorf("%w: %s has a file %q, which cannot be published; use letters, digits, dots, hyphens and underscores", failure.ErrInput, ref, f.Name)
		}
		list = append(list, attest.File{Name: f.Name, Digest: f.Digest, Size: f.Size})
	}
	return list, nil
}

// releaseFiles reads the files that trusted attestations name for a package. Error: policy.Rejections if they name different ones.
func (p *Project) releaseFiles(ctx context.Context, stage *config.Stage, pkg *chart.Package, a policy.Attestations) ([]image.File, error) {
	ref, attested, err := policy.Files(stage, pkg, a)
	if err != nil || ref == "" {
		return nil, err
	}
	var files []image.File
	for _, f := range attested {
		file := image.File{Name: f.Name, Digest: f.Digest, Size: f.Size}
		if !fileName.MatchString(f.Name) || f.Size > maxFiles {
			return nil, fmt.Errorf("%w: the attestation names a file %q that cannot be published", policy.ErrRejected, f.Name)
		}
		if file.Content, err = p.Access.ReadFile(ctx, ref, file); err != nil {
			return nil, fmt.Errorf("read the file %s of the release: %w", f.Name, err)
		}
		if chart.Digest(file.Content) != f.Digest {
			return nil, fmt.Errorf("%w: the file %s differs from the one that was attested", policy.ErrRejected, f.Name)
		}
		files = append(files, file)
	}
	return files, nil
}
