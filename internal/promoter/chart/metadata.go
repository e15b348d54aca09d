package chart

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm3"
)

// The content of a Chart.yaml.
type (
	Metadata   = helm.Metadata
	Maintainer = helm.Maintainer
	Dependency = helm.Dependency
)

// ReadMetadata reads a Chart.yaml, with or without a byte order mark. It does not validate what it reads. Error: ErrNoChart.
func ReadMetadata(chartYAML []byte) (*Metadata, error) {
	m := new(Metadata)
	if err := yaml.Unmarshal(bytes.TrimPrefix(chartYAML, []byte("\ufeff")), m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChart, err)
	}
	return m, nil
}

// VersionIn is the version in a Chart.yaml, "" if that cannot be read.
func VersionIn(chartYAML []byte) string {
	m, err := ReadMetadata(chartYAML)
	if err != nil {
		return ""
	}
	return m.Version
}

// Sanitized returns a copy of the metadata as Helm accepts it, without characters that do not print. The error is Helm's reason to
// reject it.
func Sanitized(m *Metadata) (*Metadata, error) { return helm3.Sanitize(m) }

// reader is the Helm that reads packages. Both majors read the same.
var reader helm3.Helm
