package dependency

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// cacheFile is the place of a package in the cache. Names and versions come from a chart and are no safe file names.
func (b Builder) cacheFile(url, name, version string) string {
	sum := sha256.Sum256([]byte(url + "\x00" + name + "\x00" + version))
	return filepath.Join(b.Cache, hex.EncodeToString(sum[:16])+".tgz")
}

// cached is a package that was downloaded before, nil if there is none. A damaged file counts as none.
func (b Builder) cached(url, name, version string) *chart.Package {
	if b.Cache == "" {
		return nil
	}
	p, err := chart.ReadPackage(readFile(b.cacheFile(url, name, version)))
	if err != nil || !isVersion(p, name, version) {
		return nil
	}
	return p
}

func (b Builder) cache(url, name, version string, data []byte) error {
	if b.Cache == "" {
		return nil
	}
	if err := atomicfile.WriteMkdir(b.cacheFile(url, name, version), data, 0o644); err != nil {
		return fmt.Errorf("keep a dependency in the work directory: %w: %w", failure.ErrInput, err)
	}
	return nil
}
