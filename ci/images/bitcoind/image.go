package main

import (
	"context"
	_ "embed"
	"fmt"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
)

//go:embed bitcoin.conf
var bitcoinConf []byte

// program is the package that is installed; its version is that of the image.
const program = "bitcoin-knots"

// index is the image for several platforms.
func (p *pins) index(ctx context.Context, get *fetcher, platforms []string) (v1.ImageIndex, error) {
	return oci.Index(platforms, func(platform string) (v1.Image, error) { return p.image(ctx, get, platform) })
}

// image is the image for one platform.
func (p *pins) image(ctx context.Context, get *fetcher, platform string) (v1.Image, error) {
	list, err := p.of(platform)
	if err != nil {
		return nil, err
	}
	files, err := content(ctx, get, list)
	if err != nil {
		return nil, err
	}
	return oci.Image{
		Files: files, When: p.Index, CreatedBy: "ci/images/bitcoind",
		Config: v1.Config{
			User: "1000:1000", Env: []string{"PATH=/usr/local/bin", "HOME=/data", "MALLOC_ARENA_MAX=1"}, Volumes: map[string]struct{}{"/data": {}},
			// RPC and P2P.
			ExposedPorts: map[string]struct{}{"18332/tcp": {}, "18444/tcp": {}},
			// bitcoind is the first process and gets SIGTERM itself; a shell in between would swallow it.
			Entrypoint: []string{"/usr/local/bin/bitcoind"}, Cmd: []string{"-conf=/bitcoin.conf"}, Labels: labels(list),
		},
	}.For(platform)
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
func content(ctx context.Context, get *fetcher, list []pin) (map[string]oci.Entry, error) {
	files := oci.Users("bitcoin")
	files["bitcoin.conf"] = oci.Entry{Content: bitcoinConf}
	// Scanners compare the packages with what is known of this distribution.
	files["etc/os-release"] = oci.Entry{Content: []byte("ID=debian\nNAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux " + suite + "\"\nVERSION_CODENAME=" + suite + "\n")}
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
			files[target] = oci.Entry{Content: f.content, Program: f.program}
		}
		files[path.Join("var/lib/dpkg/status.d", p.Package)] = oci.Entry{Content: d.control}
	}
	return files, nil
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
	return oci.WriteArchive(file, ref, img)
}

// writeFiles writes the files of the image for one platform into a directory.
func writeFiles(ctx context.Context, get *fetcher, dir, platform string) error {
	p, err := parsePins(pinsText)
	if err != nil {
		return err
	}
	list, err := p.of(platform)
	if err != nil {
		return err
	}
	files, err := content(ctx, get, list)
	if err != nil {
		return err
	}
	return oci.WriteFiles(dir, files)
}
