package image

import (
	"path"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/sbom"
)

// packagesDir has a file for each package of an image without a package manager, as dpkg describes it. Scanners read it too.
const packagesDir = "var/lib/dpkg/status.d"

// maxDescription is the most bytes of such a file that is read.
const maxDescription = 1 << 20

// describesPackage reports whether a file of an image describes a package. Those with checksums beside them do not.
func describesPackage(name string) bool {
	dir, base := path.Split(strings.TrimPrefix(path.Clean("/"+name), "/"))
	return path.Clean(dir) == packagesDir && !strings.HasSuffix(base, ".md5sums")
}

// packageOf reads the description of a package; ok is false for a text that is none.
func packageOf(text []byte) (p sbom.Package, ok bool) {
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && !strings.HasPrefix(line, " ") {
			fields[name] = strings.TrimSpace(value)
		}
	}
	p = sbom.Package{Name: fields["Package"], Version: fields["Version"], Architecture: fields["Architecture"], Source: fields["Source"]}
	return p, p.Name != "" && p.Version != ""
}
