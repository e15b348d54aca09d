package helm3

import (
	"bytes"
	"io/fs"

	"github.com/ProtonMail/go-crypto/openpgp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/ignore"
	"helm.sh/helm/v3/pkg/provenance"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
)

// IgnoreFile is the name of the file that names what is left out of a package.
const IgnoreFile = ignore.HelmIgnore

// Ignore reads the text of an IgnoreFile, which may be empty, and returns which files of a chart it leaves out, Helm's defaults included.
func Ignore(text []byte) (func(name string, info fs.FileInfo) bool, error) {
	rules, err := ignore.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	rules.AddDefaults()
	return rules.Ignore, nil
}

// Sanitize returns a copy of the metadata as Helm accepts it, without characters that do not print. The error is Helm's reason to
// reject it.
func Sanitize(m *helm.Metadata) (*helm.Metadata, error) {
	var theirs *chart.Metadata
	if m != nil {
		theirs = new(chart.Metadata)
		if err := helm.Convert(m, theirs); err != nil {
			return nil, err
		}
	}
	if err := theirs.Validate(); err != nil {
		return nil, err
	}
	return metadata(theirs)
}

// Sign returns the text of a packaged chart's .prov file.
func Sign(signer *openpgp.Entity, file string) (string, error) {
	return (&provenance.Signatory{Entity: signer}).ClearSign(file)
}
