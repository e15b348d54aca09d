package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
)

// created is the time of everything in the image: any fixed one would do.
var created = time.Unix(0, 0).UTC()

// image returns what builds the image for one platform.
func (m *module) image(ctx context.Context) func(platform string) (v1.Image, error) {
	return func(platform string) (v1.Image, error) {
		dir, err := m.compile(ctx, platform)
		if err != nil {
			return nil, err
		}
		licence, err := m.licence(ctx)
		if err != nil {
			return nil, err
		}
		return m.pack(dir, licence, platform)
	}
}

// pack returns the image with the programs of a directory.
func (m *module) pack(dir string, licence []byte, platform string) (v1.Image, error) {
	files := oci.Users("lnd")
	files["usr/share/licenses/lnd/LICENSE"] = oci.Entry{Content: licence}
	for _, name := range names {
		program, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files["usr/local/bin/"+name] = oci.Entry{Content: program, Program: true}
	}
	return oci.Image{Files: files, When: created, CreatedBy: "ci/images/lnd", Config: m.config()}.For(platform)
}

func (m *module) config() v1.Config {
	return v1.Config{
		User: "1000:1000", Volumes: map[string]struct{}{"/data": {}},
		// So that `kubectl exec POD -- lncli getinfo` needs no options.
		Env: []string{"PATH=/usr/local/bin", "HOME=/data", "LNCLI_LNDDIR=/data", "LNCLI_NETWORK=regtest"},
		// P2P, REST and gRPC.
		ExposedPorts: map[string]struct{}{"9735/tcp": {}, "8080/tcp": {}, "10009/tcp": {}},
		Entrypoint:   []string{"/usr/local/bin/lnd"}, Cmd: []string{"--lnddir=/data"},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "lnd",
			"org.opencontainers.image.description": "LND with a wallet that opens fast, for regtest only",
			"org.opencontainers.image.source":      "https://github.com/christianb93/bitcoin-controller",
			"org.opencontainers.image.licenses":    "MIT",
			"org.opencontainers.image.version":     m.version,
		},
	}
}
