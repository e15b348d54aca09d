// Package image builds a Go program into an image without a daemon, so that the same commit always has the same digest,
// and copies images between registries and archives. It uses go-containerregistry instead of ko: an image of several programs on
// an empty base needs little code, and every byte that the digest depends on is set here.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	// ErrCompile: the program does not compile; the message contains the compiler's.
	ErrCompile = failure.New(failure.TestFailed, "the program does not compile")
	// ErrSpec: no image can be built from the description.
	ErrSpec = failure.New(failure.BadInput, "the image configuration is not valid")
)

// Spec describes an image.
type Spec struct {
	// SourceDir is a checkout of the commit. Package is the main package in it ("./cmd/x"), which the image runs.
	SourceDir, Package string
	// Programs are further main packages. Each program has the base name of its package, that at the top the name of its module.
	Programs []string
	// Platforms such as "linux/amd64"; empty is linux/amd64 alone.
	Platforms []string
	// LDFlags are added to -s -w and an empty build id.
	LDFlags []string
	// User runs the program, default 65532:65532: unprivileged, and numeric because runAsNonRoot requires that.
	User string
	// Files are further regular files in the image, path to content: certificates, for example.
	Files map[string][]byte
	// Labels and annotations of the image, to which the version of the Go toolchain is added as ToolchainLabel.
	Labels map[string]string
	// SourceDate is the time of everything in the image: the time of the commit.
	SourceDate time.Time
	// Env is added to the compiler's environment ("GOFLAGS=…").
	Env []string
	// Log gets a line for each platform that is built. Nil is silent.
	Log func(string)
}

// Build compiles the program for each platform and returns the index of the images. Errors: ErrCompile, ErrFetch, ErrSpec.
func Build(ctx context.Context, s Spec) (v1.ImageIndex, error) {
	if s.Package == "" || s.SourceDir == "" {
		return nil, fmt.Errorf("%w: no package to build is set", ErrSpec)
	}
	if len(s.Platforms) == 0 {
		s.Platforms = []string{"linux/amd64"}
	}
	if s.User == "" {
		s.User = "65532:65532"
	}
	t, err := findToolchain(ctx, s.SourceDir, s.Env)
	if err != nil {
		return nil, err
	}
	s.Labels = maps.Clone(s.Labels)
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.Labels[ToolchainLabel] = t.version
	images := make([]mutate.IndexAddendum, len(s.Platforms))
	group, ctx := errgroup.WithContext(ctx)
	// One platform at a time: the compiler uses all cores.
	group.SetLimit(1)
	for i, name := range s.Platforms {
		group.Go(func() error {
			p, err := v1.ParsePlatform(name)
			if err != nil || p.OS == "" || p.Architecture == "" {
				return fmt.Errorf("%w: %q is not a platform; write linux/amd64 or linux/arm64", ErrSpec, name)
			}
			img, err := s.image(ctx, t, p)
			if err != nil {
				return fmt.Errorf("build for %s: %w", name, err)
			}
			images[i] = mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	idx := mutate.IndexMediaType(mutate.AppendManifests(empty.Index, images...), types.OCIImageIndex)
	return mutate.Annotations(idx, s.Labels).(v1.ImageIndex), nil
}

func (s Spec) image(ctx context.Context, t toolchain, p *v1.Platform) (v1.Image, error) {
	packages := append([]string{s.Package}, s.Programs...)
	programs := map[string]bool{}
	files := map[string][]byte{}
	for path, content := range s.Files {
		files[strings.TrimPrefix(path, "/")] = content
	}
	for _, pkg := range packages {
		name, err := programName(s.SourceDir, pkg)
		if err != nil {
			return nil, err
		}
		if programs[name] {
			return nil, fmt.Errorf("%w: two packages have a program called %s; an image can have only one", ErrSpec, name)
		}
		programs[name] = true
		if files[name], err = s.compile(ctx, t, p, pkg); err != nil {
			return nil, err
		}
	}
	entrypoint, err := programName(s.SourceDir, s.Package)
	if err != nil {
		return nil, err
	}
	layer, err := layerOf(files, programs, s.SourceDate)
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{
		CreatedBy: "go build " + strings.Join(packages, " "), Created: v1.Time{Time: s.SourceDate.UTC()},
	}}); err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Created = v1.Time{Time: s.SourceDate.UTC()}
	config.Config = v1.Config{Entrypoint: []string{"/" + entrypoint}, User: s.User, WorkingDir: "/", Labels: s.Labels, Env: []string{"PATH=/"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, err
	}
	return mutate.Annotations(img, s.Labels).(v1.Image), nil
}

// modulePath is the path of a module in its go.mod, without the suffix of a major version.
var modulePath = regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+?)(?:/v[0-9]+)?"?[ \t]*(?://.*)?\r?$`)

// programName is the name that the go command gives to a main package's program: for the package at the top, that of the module.
func programName(dir, pkg string) (string, error) {
	if path.Clean(filepath.ToSlash(pkg)) == "." && pkg != "" {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		m := modulePath.FindSubmatch(data)
		if err != nil || m == nil {
			return "", fmt.Errorf("%w: the program at the top of the source has no name; add a go.mod with a module path", ErrSpec)
		}
		pkg = string(m[1])
	}
	name := filepath.Base(filepath.ToSlash(pkg))
	if pkg == "" || name == "." || name == "/" || strings.HasPrefix(name, "..") {
		return "", fmt.Errorf("%w: %q has no program name", ErrSpec, pkg)
	}
	return name, nil
}

// compile builds a program whose bytes depend on the source only: no paths, no build id, no version control stamp,
// no C library.
func (s Spec) compile(ctx context.Context, t toolchain, p *v1.Platform, pkg string) ([]byte, error) {
	if s.Log != nil {
		s.Log(fmt.Sprintf("compiling %s for %s", pkg, p))
	}
	dir, err := os.MkdirTemp("", "image-*")
	if err != nil {
		return nil, fmt.Errorf("create a directory for the program: %w", err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "program")
	flags := strings.Join(append([]string{"-s", "-w", "-buildid="}, s.LDFlags...), " ")
	env := append(slices.Clone(t.env), "GOOS="+p.OS, "GOARCH="+p.Architecture)
	if p.Architecture == "arm" && p.Variant != "" {
		env = append(env, "GOARM="+strings.TrimPrefix(p.Variant, "v"))
	}
	if _, err := runGo(ctx, s.SourceDir, env, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", out, pkg); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// layerOf returns a layer whose bytes depend on its arguments only. Only programs are executable.
func layerOf(files map[string][]byte, programs map[string]bool, when time.Time) (v1.Layer, error) {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, e := range entries(files) {
		h := &tar.Header{Name: e.name, ModTime: when.UTC().Truncate(time.Second), Format: tar.FormatPAX, Typeflag: tar.TypeReg, Mode: 0o444, Size: int64(len(files[e.name]))}
		if e.dir {
			h.Typeflag, h.Mode, h.Size, h.Name = tar.TypeDir, 0o755, 0, e.name+"/"
		}
		if programs[e.name] {
			h.Mode = 0o555
		}
		if err := tw.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack %s: %w", e.name, err)
		}
		if _, err := tw.Write(files[e.name]); err != nil && !e.dir {
			return nil, fmt.Errorf("pack %s: %w", e.name, err)
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(opener(buf.Bytes()), tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}
