// Package ocilayout compares the contents of an OCI image layout with their names.
package ocilayout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrContent is a content that does not have the digest that it is named after.
var ErrContent = errors.New("a content does not have the digest of its name")

// Compare compares each content of the layout in a directory, whoever names it, with the SHA-256 that is its name. Errors: ErrContent,
// and those of reading.
func Compare(layout string) error {
	dir := filepath.Join(layout, "blobs", "sha256")
	contents, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, c := range contents {
		sum, err := digest(filepath.Join(dir, c.Name()))
		if err != nil {
			return err
		}
		if sum != c.Name() {
			return fmt.Errorf("%w: %s has %s", ErrContent, c.Name(), sum)
		}
	}
	return nil
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
