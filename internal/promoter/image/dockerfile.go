package image

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	// ErrDocker: Docker did not build the image; the message contains the end of its output.
	ErrDocker = failure.New(failure.TestFailed, "docker could not build the image")
	// ErrEngine: the container engine is not installed, or does not answer.
	ErrEngine = failure.New(failure.External, "the container engine cannot be used")
)

// DockerSpec describes an image that Docker builds.
type DockerSpec struct {
	// Engine is the command, default docker. podman understands the same.
	Engine string
	// Dockerfile and Context are paths, Context that of a directory.
	Dockerfile, Context string
	// Args are build arguments. SOURCE_DATE_EPOCH, the time of the commit, is set beside them.
	Args map[string]string
	// Platforms such as "linux/amd64"; empty is linux/amd64 alone.
	Platforms []string
	// Labels of the image.
	Labels     map[string]string
	SourceDate time.Time
	// Log gets a line for each platform that is built. Nil is silent.
	Log func(string)
}

// FromDockerfile builds a Dockerfile once for each platform with the builder that the engine has, BuildKit or the one before it, and
// returns the index of the images. Whether the same commit gives the same digest depends on the Dockerfile. Errors: ErrDocker, ErrEngine,
// ErrRegistry for that of a base image, ErrSpec.
func FromDockerfile(ctx context.Context, s DockerSpec) (v1.ImageIndex, error) {
	s.Engine = cmp.Or(s.Engine, "docker")
	if len(s.Platforms) == 0 {
		s.Platforms = []string{"linux/amd64"}
	}
	own, err := s.run(ctx, serverPlatform...)
	if err != nil {
		return nil, err
	}
	var images []mutate.IndexAddendum
	for _, name := range s.Platforms {
		p, err := v1.ParsePlatform(name)
		if err != nil || p.OS == "" || p.Architecture == "" {
			return nil, fmt.Errorf("%w: %q is not a platform; write linux/amd64 or linux/arm64", ErrSpec, name)
		}
		if s.Log != nil {
			s.Log(fmt.Sprintf("%s builds %s for %s", s.Engine, filepath.Base(s.Dockerfile), name))
		}
		img, err := s.build(ctx, p, name == strings.TrimSpace(own))
		if err != nil {
			return nil, fmt.Errorf("build for %s: %w", name, err)
		}
		images = append(images, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}})
	}
	return mutate.IndexMediaType(mutate.AppendManifests(empty.Index, images...), types.OCIImageIndex), nil
}

// build builds for one platform. The builder before BuildKit knows no platforms, so that its own is not named.
func (s DockerSpec) build(ctx context.Context, p *v1.Platform, own bool) (v1.Image, error) {
	dir, err := os.MkdirTemp("", "image-*")
	if err != nil {
		return nil, fmt.Errorf("create a directory for the image: %w", err)
	}
	defer os.RemoveAll(dir)
	id, archive := filepath.Join(dir, "id"), filepath.Join(dir, "image.tar")
	args := []string{"build", "--file", s.Dockerfile, "--iidfile", id}
	if !own {
		args = append(args, "--platform", p.String())
	}
	settings := maps.Clone(s.Args)
	if settings == nil {
		settings = map[string]string{}
	}
	settings["SOURCE_DATE_EPOCH"] = fmt.Sprint(s.SourceDate.Unix())
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "--build-arg", k+"="+settings[k])
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		args = append(args, "--label", k+"="+s.Labels[k])
	}
	if _, err := s.run(ctx, append(args, s.Context)...); err != nil {
		return nil, err
	}
	built, err := os.ReadFile(id)
	if err != nil {
		return nil, fmt.Errorf("%w: it wrote no image ID: %w", ErrDocker, err)
	}
	if _, err := s.run(ctx, "save", "--output", archive, strings.TrimSpace(string(built))); err != nil {
		return nil, err
	}
	saved, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: its archive is not readable: %w", ErrDocker, err)
	}
	return inMemory(saved, p)
}

// inMemory is an image of the OCI with the layers of another one, whose file is removed afterwards.
func inMemory(saved v1.Image, p *v1.Platform) (v1.Image, error) {
	layers, err := saved.Layers()
	if err != nil {
		return nil, err
	}
	config, err := saved.ConfigFile()
	if err != nil {
		return nil, err
	}
	if config.OS != p.OS || config.Architecture != p.Architecture {
		return nil, fmt.Errorf("%w: it is for %s/%s, not for %s; a Dockerfile for several platforms requires BuildKit", ErrDocker, config.OS, config.Architecture, p)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		content, err := readLayer(l)
		if err != nil {
			return nil, err
		}
		copied, err := tarball.LayerFromOpener(opener(content), tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
		if err != nil {
			return nil, err
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: copied, MediaType: types.OCILayer}); err != nil {
			return nil, err
		}
	}
	return mutate.ConfigFile(img, config)
}

func readLayer(l v1.Layer) ([]byte, error) {
	r, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var content bytes.Buffer
	_, err = content.ReadFrom(r)
	return content.Bytes(), err
}

// serverPlatform is the command for the engine's own platform, which only an engine that runs answers.
var serverPlatform = []string{"version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"}

// run runs the engine and returns its output.
func (s DockerSpec) run(ctx context.Context, args ...string) (string, error) {
	out, log, err := s.start(ctx, args)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%w: %s is not installed; install it and run this again", ErrEngine, s.Engine)
	}
	cause := s.cause(ctx, args[0], log)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	lines := strings.Split(strings.TrimSpace(out+log), "\n")
	return "", fmt.Errorf("%w; the end of the output of %s %s is:\n%s", cause, s.Engine, args[0], strings.Join(lines[max(0, len(lines)-20):], "\n"))
}

func (s DockerSpec) start(ctx context.Context, args []string) (out, log string, err error) {
	cmd := exec.CommandContext(ctx, s.Engine, args...)
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// cause is why a command of the engine failed. An engine that does not answer now has stopped during the build.
func (s DockerSpec) cause(ctx context.Context, command, log string) error {
	switch {
	case strings.Contains(log, syscall.ENOSPC.Error()):
		return fmt.Errorf("%s %s: %w", s.Engine, command, syscall.ENOSPC)
	case command == serverPlatform[0]:
		return fmt.Errorf("%w; start it and run this again", ErrEngine)
	case baseUnreachable(log):
		return fmt.Errorf("a base image cannot be read: %w; check the network and the login of %s", ErrRegistry, s.Engine)
	}
	if _, _, err := s.start(ctx, serverPlatform); err != nil {
		return fmt.Errorf("%w; start it and run this again", ErrEngine)
	}
	return ErrDocker
}

var (
	// solveError is how BuildKit states the error of a build whose registry does not answer, or answers with a fault of its own. In its
	// output, what a RUN prints never begins a line, and the error of a RUN begins with the process.
	solveError = regexp.MustCompile(`(?m)^(?:ERROR: )?(?:failed to build: )?failed to solve(?:: | with )[^"\n]*\b` +
		`(?:failed to do request: |unexpected status from [A-Z]+ request to \S+: (?:40[1378]|429|5\d\d)\b)`)
	// pullError is how the builder before BuildKit and podman state it, in the last line.
	pullError = regexp.MustCompile(`^(?:Error response from daemon: |Error: creating build container: .*pinging container registry \S+: )?(?:Get|Head) "?https?://\S+: `)
)

// baseUnreachable reports whether a build failed because the registry of a base image cannot be reached, by the engine's own error: what
// the commands of the Dockerfile fetch is the source's business.
func baseUnreachable(log string) bool {
	log = strings.TrimSpace(log)
	return solveError.MatchString(log) || pullError.MatchString(log[strings.LastIndex(log, "\n")+1:])
}
