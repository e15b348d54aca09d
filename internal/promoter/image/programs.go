package image

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/christianb93/bitcoin-controller/internal/promoter/sbom"
)

const (
	// maxProgram is the most bytes of a file that is examined, maxLayers those of all layers of an image together.
	maxProgram = 512 << 20
	maxLayers  = 4 << 30
)

// Programs reads which Go programs and packages of Debian an image contains, for each of its platforms. Errors: ErrNoImage, ErrRegistry, ErrRegistryAuth, ErrSpec.
func (a Access) Programs(ctx context.Context, ref string) ([]sbom.Platform, error) {
	r, err := a.Parse(ref)
	if err != nil {
		return nil, err
	}
	desc, err := remote.Get(r, a.options(ctx)...)
	if err != nil {
		return nil, classify(ref, err)
	}
	if !desc.MediaType.IsIndex() {
		img, err := desc.Image()
		if err != nil {
			return nil, classify(ref, err)
		}
		p, err := platformOf(ref, img)
		return []sbom.Platform{p}, err
	}
	idx, err := desc.ImageIndex()
	if err != nil {
		return nil, classify(ref, err)
	}
	list, err := idx.IndexManifest()
	if err != nil {
		return nil, classify(ref, err)
	}
	var all []sbom.Platform
	for _, m := range list.Manifests {
		if !m.MediaType.IsImage() || m.Platform == nil || m.Platform.OS == "unknown" {
			continue // an attestation of another tool
		}
		img, err := idx.Image(m.Digest)
		if err != nil {
			return nil, classify(ref, err)
		}
		p, err := platformOf(ref, img)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func platformOf(ref string, img v1.Image) (p sbom.Platform, err error) {
	digest, err := img.Digest()
	if err != nil {
		return p, classify(ref, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return p, classify(ref, err)
	}
	p.Name, p.Digest = config.Platform().String(), digest.String()
	layers, err := img.Layers()
	if err != nil {
		return p, classify(ref, err)
	}
	left := int64(maxLayers)
	for _, l := range layers {
		if err := describe(&p, l, &left); err != nil {
			return p, fmt.Errorf("%s for %s: %w: %w", ref, p.Name, ErrRegistry, err)
		}
	}
	return p, nil
}

// describe adds what is in a layer; left is how many bytes may still be unpacked.
func describe(found *sbom.Platform, l v1.Layer, left *int64) error {
	content, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	limited := &io.LimitedReader{R: content, N: *left}
	defer func() { *left = limited.N }()
	for tr := tar.NewReader(limited); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return nil
		}
		if limited.N == 0 {
			return fmt.Errorf("its layers have more than %d bytes", int64(maxLayers))
		}
		if err != nil {
			return err
		}
		isPackage := describesPackage(h.Name) && h.Size <= maxDescription
		if h.Typeflag != tar.TypeReg || !isPackage && h.Mode&0o111 == 0 || h.Size > maxProgram {
			continue
		}
		file, err := io.ReadAll(tr)
		if err != nil {
			return err
		}
		if p, ok := packageOf(file); ok && isPackage {
			found.Packages = append(found.Packages, p)
			continue
		}
		found.Programs = append(found.Programs, programOf(h.Name, file)...)
	}
}

// programOf describes a Go program; nothing for another file.
func programOf(name string, file []byte) []sbom.Program {
	info, err := buildinfo.Read(bytes.NewReader(file))
	if err != nil {
		return nil
	}
	p := sbom.Program{Path: path.Clean("/" + name), Go: info.GoVersion}
	if info.Main.Path != "" {
		p.Modules = append(p.Modules, sbom.Module{Path: info.Main.Path, Version: info.Main.Version})
	}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		p.Modules = append(p.Modules, sbom.Module{Path: d.Path, Version: d.Version})
	}
	return []sbom.Program{p}
}
