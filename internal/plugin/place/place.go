// Package place is where a snapshot is kept: a file, or a repository of an OCI registry.
package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// Place is one.
type Place interface {
	// Load returns the content, of at most so many bytes.
	Load(ctx context.Context, most int64) ([]byte, error)
	// Store returns where the content can be loaded again.
	Store(ctx context.Context, data []byte) (string, error)
	// Digest is the one that a reference demands; empty when it demands none.
	Digest() string
}

// Scheme begins references to registries.
const Scheme = "oci://"

// Parse reads the name of a file, or oci://HOST/REPOSITORY:TAG, perhaps with @sha256:….
func Parse(text string) (Place, error) {
	if reference, ok := strings.CutPrefix(text, Scheme); ok {
		return parseReference(reference)
	}
	switch {
	case strings.Contains(text, "://"):
		return nil, invalid.Errorf("%q is no place for a snapshot: write a file, or oci://HOST/REPOSITORY:TAG", text)
	case text == "" || strings.HasSuffix(text, "/"):
		return nil, invalid.Errorf("%q is no file: write the name of one", text)
	}
	return file(text), nil
}

type file string

func (file) Digest() string { return "" }

// mode keeps the private keys of the wallets from other users.
const mode = 0o600

// Load implements Place.
func (f file) Load(_ context.Context, most int64) ([]byte, error) {
	source, err := os.Open(string(f))
	if err != nil {
		return nil, readError(string(f), err)
	}
	defer source.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(source, most+1))
	switch {
	case err != nil:
		return nil, readError(string(f), err)
	case int64(len(data)) > most:
		return nil, fmt.Errorf("%s has more than %d MiB, and a snapshot has not: choose another file", string(f), most>>20)
	}
	return data, nil
}

func readError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the file %s does not exist: kubectl btcnet snapshot save writes one", name)
	}
	return fmt.Errorf("the file cannot be read: %w", err)
}

// Store implements Place.
func (f file) Store(_ context.Context, data []byte) (string, error) {
	return string(f), atomicfile.Write(string(f), data, mode)
}
