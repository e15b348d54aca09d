package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

//go:embed bitcoin.conf
var bitcoinConf []byte

// program is the package that is installed; its version is that of the image.
const program = "bitcoin-knots"

// index is the image for several platforms.
func (p *pins) index(ctx context.Context, get *fetcher, platforms []string) (v1.ImageIndex, error) {
	images := make([]mutate.IndexAddendum, len(platforms))
	for i, name := range platforms {
		img, err := p.image(ctx, get, name)
		if err != nil {
			return nil, err
		}
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return nil, err
		}
		images[i] = mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}}
	}
	return mutate.IndexMediaType(mutate.AppendManifests(empty.Index, images...), types.OCIImageIndex), nil
}

// image is the image for one platform. Nothing in it depends on the time or on the commit: nodes that run it need no restart when the
// operator's release changes.
func (p *pins) image(ctx context.Context, get *fetcher, name string) (v1.Image, error) {
	list, err := p.of(name)
	if err != nil {
		return nil, err
	}
	platform, err := v1.ParsePlatform(name)
	if err != nil {
		return nil, err
	}
	files, err := content(ctx, get, list)
	if err != nil {
		return nil, err
	}
	layer, err := layerOf(files, p.Index)
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: p.Index.UTC()}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{CreatedBy: "ci/images/bitcoind", Created: created}}); err != nil {
		return nil, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Variant, c.Created = platform.OS, platform.Architecture, platform.Variant, created
	c.Config = v1.Config{
		User: "1000:1000", Env: []string{"PATH=/usr/local/bin", "HOME=/data", "MALLOC_ARENA_MAX=1"}, Volumes: map[string]struct{}{"/data": {}},
		// RPC and P2P.
		ExposedPorts: map[string]struct{}{"18332/tcp": {}, "18444/tcp": {}},
		// bitcoind is the first process and gets SIGTERM itself; a shell in between would swallow it.
		Entrypoint: []string{"/usr/local/bin/bitcoind"}, Cmd: []string{"-conf=/bitcoin.conf"}, Labels: labels(list),
	}
	return mutate.ConfigFile(img, c)
}

func labels(list []pin) map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "bitcoind",
		"org.opencontainers.image.description": "Bitcoin Knots of Debian, for the nodes of bitcoin-controller",
		"org.opencontainers.image.source":      "https://github.com/christianb93/bitcoin-controller",
	}
	for _, p := range list {
		if p.Package == program {
			l["org.opencontainers.image.version"] = p.Version
		}
	}
	return l
}

// content is what the image has: the pinned files of the packages, what dpkg knows of each package, by which scanners find it, and files
// of our own.
func content(ctx context.Context, get *fetcher, list []pin) (map[string]entry, error) {
	files := map[string]entry{
		"bitcoin.conf":      {content: bitcoinConf},
		"etc/passwd":        {content: []byte("bitcoin:x:1000:1000:bitcoin:/data:/usr/sbin/nologin\n")},
		"etc/group":         {content: []byte("bitcoin:x:1000:\n")},
		"etc/nsswitch.conf": {content: []byte("hosts: files dns\n")},
		// Scanners compare the packages with what is known of this distribution.
		"etc/os-release": {content: []byte("ID=debian\nNAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux " + suite + "\"\nVERSION_CODENAME=" + suite + "\n")},
		"data":           {dir: true, mode: 0o755, owner: 1000},
		"tmp":            {dir: true, mode: 0o1777},
	}
	for _, p := range list {
		packed, err := get.get(ctx, p)
		if err != nil {
			return nil, err
		}
		d, err := unpack(packed)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", p.Package, p.Version, err)
		}
		for target, source := range p.Files {
			f, ok := d.file(source)
			if !ok {
				return nil, fmt.Errorf("%s %s has no file %s; renew the pins with `%s`", p.Package, p.Version, source, updateCommand)
			}
			files[target] = entry{content: f.content, program: f.program}
		}
		files[path.Join("var/lib/dpkg/status.d", p.Package)] = entry{content: d.control}
	}
	return files, nil
}

// writeLayout writes an image into a directory as an OCI image layout.
func writeLayout(dir string, idx v1.ImageIndex) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return at.AppendIndex(idx)
}

// archive writes the image for one platform for `docker load`.
func archive(ctx context.Context, get *fetcher, file, ref, platform string) error {
	p, err := parsePins(pinsText)
	if err != nil {
		return err
	}
	img, err := p.image(ctx, get, platform)
	if err != nil {
		return err
	}
	return writeArchive(file, ref, img)
}

func writeArchive(file, ref string, img v1.Image) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return fmt.Errorf("the image's name is not valid: %w", err)
	}
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
