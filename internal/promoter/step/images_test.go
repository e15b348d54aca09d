package step

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// imagesYAML are images that are built in three ways.
const imagesYAML = `      images:
        - {repository: "${HOST}/team/hello", package: ./cmd/hello}
        - {name: mover, repository: "${HOST}/team/mover", layout: {command: [sh, -c, 'cp -r layout/. "$IMAGE_LAYOUT"']}}
        - {name: webhook, repository: "${HOST}/team/webhook", digest: "${WEBHOOK_DIGEST:-}", digestFile: webhook.txt, scalars: {values.yaml: {hooks.ref: image}}}
`

// withImages replaces the image of the pipeline, and the fields by the default ones.
func (w *world) withImages(t *testing.T) {
	t.Helper()
	text := strings.Replace(pipelineYAML, "      image: {repository: \"${HOST}/hello\", package: ./cmd/hello, platforms: [linux/amd64, linux/arm64]}\n", imagesYAML, 1)
	text = strings.Replace(text, "    values.yaml: {image.repository: imageRepository, image.tag: imageTag, image.digest: imageDigest}\n", "", 1)
	text = strings.Replace(text, "  scalars:\n    Chart.yaml: {version: chartVersion, appVersion: appVersion}\n", "", 1)
	cfg, err := config.Parse([]byte(text), w.getenv)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Root = w.source.Dir
	w.p.Config = cfg
}

func TestSeveralImagesEachHaveTheirFieldsInTheChart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	webhook, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	idx := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: webhook})
	handed, _, err := w.p.Access.Push(t.Context(), idx, w.host+"/team/webhook:elsewhere", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layout.Write(filepath.Join(w.source.Dir, "layout"), idx); err != nil {
		t.Fatal(err)
	}
	w.write("charts/hello/values.yaml", "image: {registry: ghcr.io, repository: old/hello} # no tag\nmover:\n  image: {repository: x, tag: y}\nhooks:\n  ref: example.com/webhook:v1\n")
	w.write("charts/hello/templates/_image.tpl", "{{ .Values.image.tag | default .Chart.AppVersion }}\n")
	w.commit("several images")
	w.withImages(t)
	if _, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true}); !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), "webhook") {
		t.Errorf("without the digest of an image from elsewhere: %v", err)
	}
	unknown := "sha256:" + strings.Repeat("ab", 32)
	if _, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true, Digests: map[string]string{"webhook": unknown}}); !errors.Is(err, image.ErrNoImage) {
		t.Errorf("with a digest that the registry does not have: %v", err)
	}
	if tags, err := w.p.Access.Tags(t.Context(), w.host+"/team/hello"); err != nil || len(tags) != 0 {
		t.Errorf("failed builds pushed %v, %v", tags, err)
	}
	w.write("webhook.txt", handed+"\n")
	w.commit("the digest in a file")
	b, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true})
	if err != nil || len(b.Images) != 3 || b.Images[2].Digest != handed || b.Images[1].Digest != handed || b.Digest != b.Images[0].Digest {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	want := "image: {registry: " + w.host + ", repository: team/hello} # no tag\nmover:\n  image: {repository: " + w.host + "/team/mover, tag: " + b.Tag + "}\nhooks:\n  ref: " + w.host + "/team/webhook@" + handed + "\n"
	if got := w.candidate("hello/values.yaml"); strings.ReplaceAll(got, `"`, "") != want {
		t.Errorf("values.yaml is\n%s\nwant\n%s", got, want)
	}
	c, err := w.p.candidates().Open(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(refs(c.Images), " "), w.host+"/team/hello:"+b.Tag+" "+w.host+"/team/mover:"+b.Tag+" "+w.host+"/team/webhook@"+handed; got != want {
		t.Errorf("verify would load\n%s\nwant\n%s", got, want)
	}
	// Another machine, which has no files of the build.
	if err := os.RemoveAll(string(w.p.Work)); err != nil {
		t.Fatal(err)
	}
	if again, err := Bump(t.Context(), w.p); err != nil || again.Changed {
		t.Errorf("bump without the files of the build: %+v, %v", again, err)
	}
}

// The layer is not what the configuration has as its content: only a layout that is unpacked is found to be damaged.
func TestALayoutThatTheRegistryHasIsNotUnpacked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.RootFS.DiffIDs[0].Hex = strings.Repeat("0", 64)
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	idx := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})
	if _, err := layout.Write(filepath.Join(w.source.Dir, "layout"), idx); err != nil {
		t.Fatal(err)
	}
	w.commit("a layout")
	w.p.Config.Builder().Build.Image = config.Image{Repository: w.host + "/tool", Layout: &config.Command{Command: []string{"sh", "-c", `cp -r layout/. "$IMAGE_LAYOUT"`}}}
	if _, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true}); !errors.Is(err, image.ErrSpec) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a new layout: %v", err)
	}
	if _, _, err := w.p.Access.Push(t.Context(), idx, w.host+"/tool:before", false); err != nil {
		t.Fatal(err)
	}
	if b, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true}); err != nil || !b.Pushed {
		t.Errorf("one that the registry has: %+v, %v", b, err)
	}
	w.p.DryRun = true
	if _, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true}); !errors.Is(err, image.ErrSpec) {
		t.Errorf("a dry run, which asks no registry: %v", err)
	}
}

func TestARegistryThatTheFieldsLeaveIsRejectedAndNothingChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("charts/hello/values.yaml", "image: {registry: ghcr.io, repository: team/app, tag: '', digest: ''}\n")
	w.commit("a registry beside the repository")
	w.built()
	if _, err := Bump(t.Context(), w.p); !errors.Is(err, config.ErrOtherRegistry) || !strings.Contains(err.Error(), "image.registry to imageRegistry") {
		t.Errorf("%v, want an error that names the field", err)
	}
	if n, _ := exec.Command("git", "-C", w.qa, "rev-list", "--all").Output(); len(n) != 0 {
		t.Errorf("there are candidates: %s", n)
	}
}

func TestADockerfileIsBuiltByDockerAndPushedByDigest(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").Output(); err != nil || strings.TrimSpace(string(out)) != "linux/amd64" {
		t.Skipf("needs docker on linux/amd64: %s %v", out, err)
	}
	w := newWorld(t)
	w.write("images/tool/Dockerfile", "FROM scratch\nARG WHAT\nCOPY text /text\nENV WHAT=$WHAT\n")
	w.write("images/tool/text", "chart-promoter test\n")
	w.commit("a Dockerfile")
	w.p.Config.Builder().Build.Image = config.Image{Repository: w.host + "/tool", Dockerfile: "images/tool/Dockerfile", Context: "images/tool", Args: map[string]string{"WHAT": "{version}"}}
	b, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("docker", "image", "prune", "--force", "--filter", "label=org.opencontainers.image.revision="+b.Version.Commit).Run()
	})
	if got, err := w.p.Access.Digest(t.Context(), w.host+"/tool:"+b.Tag); err != nil || got != b.Digest {
		t.Errorf("the registry has %s, %v; want %s", got, err, b.Digest)
	}
	again, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true})
	if err != nil || again.Digest != b.Digest || again.Pushed {
		t.Errorf("again: %+v, %v; want the digest %s", again, err, b.Digest)
	}
	w.write("images/tool/Dockerfile", "FROM scratch\nCOPY nothing /\n")
	w.commit("a Dockerfile that does not build")
	if _, err := Build(t.Context(), w.p, BuildOptions{SkipTests: true}); !errors.Is(err, image.ErrDocker) {
		t.Errorf("a broken Dockerfile: %v", err)
	}
}

// Some charts have the reference of their image at image.name, and a list of tags.
func TestTheFieldsOfAnImageHaveAnyNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	values := "image: {name: example.com/hello, tags: [abc, x]} # where\nname: kept\n"
	w.write("charts/hello/values.yaml", values)
	w.commit("other names")
	w.p.Config.Chart.Fields["values.yaml"] = map[string]string{"image.name": config.ImageRepository, "image.tags[0]": config.ImageTag}
	img := w.built()
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("example.com/hello", `"`+img.Repository+`"`, "abc", img.Tag).Replace(values) // the port would end a key
	if got := w.candidate("hello/values.yaml"); got != want {
		t.Errorf("values.yaml is\n%swant\n%s", got, want)
	}
}
