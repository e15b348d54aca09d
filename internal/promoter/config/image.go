package config

import (
	"fmt"
	"path"
	"regexp"
)

// Build is what a stage builds: one image or several.
type Build struct {
	// Test is the command of the unit tests, which run before anything is pushed. Default: none.
	Test *Command `yaml:"test"`
	// Image is the image to build. Exactly one of image and images is required.
	Image Image `yaml:"image"`
	// Images are several images, each with its fields in the chart.
	Images []Image `yaml:"images"`
	// Files are other files of the build, which are released with the chart. Default: none.
	Files *Files `yaml:"files"`
}

// Image is an image that the chart runs. At most one of package, dockerfile and layout defines how it is built; an image without any of
// them was built elsewhere and is named by its digest.
type Image struct {
	// Name of the image, which is unique. Default: the last part of repository.
	Name string `yaml:"name"`
	// Repository of the image, without a tag. Required.
	Repository string `yaml:"repository"`
	// Package is the main package of the Go program that the image runs, such as ./cmd/server.
	Package string `yaml:"package"`
	// Programs are further main packages; their programs are in the directory of the first. Default: none.
	Programs []string `yaml:"programs"`
	// Dockerfile is the path of a Dockerfile in the source, which Docker builds.
	Dockerfile string `yaml:"dockerfile"`
	// Context is the directory of the source that Docker builds the Dockerfile in. Default: the root of the source.
	Context string `yaml:"context"`
	// Args are build arguments of the Dockerfile; {version}, {commit} and {date} are replaced as in ldflags. Default: none.
	Args map[string]string `yaml:"args"`
	// Layout is a command of the source that writes the image into the directory IMAGE_LAYOUT as an OCI image layout, as many builders do.
	Layout *Command `yaml:"layout"`
	// Digest of an image that was built elsewhere, sha256:…, usually from a variable: ${WEBHOOK_DIGEST:-}. It must exist in the registry.
	// `--image-digest` has precedence. An image that is not built requires this key, which may be empty, or digestFile. Default: the
	// content of digestFile.
	Digest *string `yaml:"digest"`
	// DigestFile is the path of a file that contains the digest. Default: none.
	DigestFile string `yaml:"digestFile"`
	// Tag of an image that was built elsewhere. Default: none, it is named by its digest only.
	Tag string `yaml:"tag"`
	// Platforms to build for, such as linux/arm64. Default: linux/amd64.
	Platforms []string `yaml:"platforms"`
	// LDFlags are flags of the Go linker, one in each item; {version}, {commit} and {date} (of the commit, RFC 3339) are replaced.
	// Default: none.
	LDFlags []string `yaml:"ldflags"`
	// User that the Go program runs as. Default: 65532:65532.
	User string `yaml:"user"`
	// Labels of an image that is built from a package or a Dockerfile, beside those of the OCI for revision, version and creation time.
	// Default: none.
	Labels map[string]string `yaml:"labels"`
	// Fields are the fields of the chart that get values of this image, as chart.scalars. Default: those of chart.scalars for the first
	// image; for each other one what values.yaml has at NAME.image, or at NAME, of registry, repository, tag and digest, or the whole
	// reference. {} is none, for an image that the chart does not run.
	Fields Fields `yaml:"scalars"`
}

// All are the images of a build.
func (b *Build) All() []Image {
	if len(b.Images) > 0 {
		return b.Images
	}
	return []Image{b.Image}
}

// Elsewhere reports whether the image is built elsewhere.
func (i *Image) Elsewhere() bool { return i.Package == "" && i.Dockerfile == "" && i.Layout == nil }

// DigestText is Digest, "" if it is not set.
func (i *Image) DigestText() string {
	if i.Digest == nil {
		return ""
	}
	return *i.Digest
}

func (b *Build) setDefaults() {
	for i := range b.Images {
		b.Images[i].setName()
	}
	if len(b.Images) == 0 {
		b.Image.setName()
	}
}

func (i *Image) setName() {
	if i.Name == "" && i.Repository != "" {
		i.Name = path.Base(i.Repository)
	}
}

func (b *Build) validate() error {
	if b.Test != nil {
		if err := b.Test.validate(); err != nil {
			return fmt.Errorf("build.test: %w", err)
		}
	}
	if b.Files != nil {
		if err := b.Files.validate(); err != nil {
			return err
		}
	}
	if len(b.Images) > 0 && b.Image.Repository+b.Image.Package+b.Image.Dockerfile != "" {
		return fmt.Errorf("build has both image and images; move the image into the list")
	}
	if len(b.Images) == 0 {
		return b.Image.validate("build.image")
	}
	seen := map[string]bool{}
	for i := range b.Images {
		if err := b.Images[i].validate(fmt.Sprintf("build.images[%d]", i)); err != nil {
			return err
		}
		if name := b.Images[i].Name; seen[name] {
			return fmt.Errorf("build.images: the name %q occurs twice; set name of one of them", name)
		}
		seen[b.Images[i].Name] = true
	}
	return nil
}

// Digests are all that a registry accepts here.
var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// IsDigest reports whether a text is the digest of an image.
func IsDigest(s string) bool { return digestPattern.MatchString(s) }

func (i *Image) validate(at string) error {
	ways := 0
	for _, set := range []bool{i.Package != "", i.Dockerfile != "", i.Layout != nil} {
		if set {
			ways++
		}
	}
	switch {
	case i.Repository == "" || ways == 0 && i.Digest == nil && i.DigestFile == "":
		return fmt.Errorf("%s requires repository, and one of package, dockerfile and layout, or a digest", at)
	case ways > 1:
		return fmt.Errorf("%s has several of package, dockerfile and layout; an image is built in one way", at)
	case ways == 1 && i.DigestText()+i.DigestFile+i.Tag != "":
		return fmt.Errorf("%s is built, so that digest, digestFile and tag are the build's; remove them, or remove what builds it", at)
	case i.DigestText() != "" && !IsDigest(i.DigestText()):
		return fmt.Errorf("%s: digest %q: use sha256: and 64 hexadecimal digits", at, i.DigestText())
	case leavesRoot(i.Dockerfile) || leavesRoot(i.Context):
		return fmt.Errorf("%s: dockerfile and context are paths within the source", at)
	case i.Layout != nil && i.Layout.validate() != nil:
		return fmt.Errorf("%s: layout: %w", at, i.Layout.validate())
	case i.Package == "" && len(i.Programs)+len(i.LDFlags) > 0:
		return fmt.Errorf("%s: programs and ldflags are for an image with package", at)
	case i.Dockerfile == "" && (i.Context != "" || len(i.Args) > 0):
		return fmt.Errorf("%s: context and args are for an image with dockerfile", at)
	}
	if err := i.Fields.validate(); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	for file, paths := range i.Fields {
		for p, value := range paths {
			if !OfImage(value) {
				return fmt.Errorf("%s: scalars: %s of %s is set to %s, which is no value of an image; move it to chart.scalars", at, p, file, value)
			}
		}
	}
	return nil
}
