package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"
)

// variable is the one that has the version of the program.
const variable = "github.com/christianb93/bitcoin-controller/internal/plugin/version.number"

// completion is the program that kubectl calls for the arguments of the plugin.
//
//go:embed kubectl_complete-btcnet
var completion []byte

// build writes the archive of a platform, and returns its SHA-256.
func (r *release) build(p platform) (string, error) {
	dir, err := os.MkdirTemp("", "kubectl-btcnet-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, p.program())
	// Neither paths of this machine nor the state of its git repository are in the program.
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X "+variable+"="+r.version, "-o", file, "./cmd/kubectl-btcnet")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go build: %w", err)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return "", err
	}
	entries := []entry{{"LICENSE", 0o644, license}, {p.program(), 0o755, program}}
	if p.os != "windows" {
		entries = append(entries, entry{"kubectl_complete-btcnet", 0o755, completion})
	}
	data, err := r.pack(entries)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), os.WriteFile(filepath.Join(r.out, p.archive()), data, 0o644)
}

// entry is a file of an archive.
type entry struct {
	name string
	mode int64
	data []byte
}

// pack writes an archive without anything of this machine: owner, times, name. The library compresses in a third of the standard one's time.
func (r *release) pack(entries []entry) ([]byte, error) {
	var buffer bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&buffer, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	zipped.ModTime = time.Unix(0, 0) // none: the library writes the zero time as a date in 2042
	archive := tar.NewWriter(zipped)
	for _, e := range entries {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: r.when, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err = zipped.Close()
	return buffer.Bytes(), err
}
