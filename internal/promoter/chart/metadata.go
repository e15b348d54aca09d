package chart

import (
	"bytes"
	"encoding/json"
	"fmt"

	helm "helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// Metadata is the content of a Chart.yaml. It has the fields of Helm's type in the same order and under the same names, so that
// indexes and registries hold what Helm would write, while no other package depends on Helm's Go types.
type Metadata struct {
	Name         string            `json:"name,omitempty"`
	Home         string            `json:"home,omitempty"`
	Sources      []string          `json:"sources,omitempty"`
	Version      string            `json:"version,omitempty"`
	Description  string            `json:"description,omitempty"`
	Keywords     []string          `json:"keywords,omitempty"`
	Maintainers  []*Maintainer     `json:"maintainers,omitempty"`
	Icon         string            `json:"icon,omitempty"`
	APIVersion   string            `json:"apiVersion,omitempty"`
	Condition    string            `json:"condition,omitempty"`
	Tags         string            `json:"tags,omitempty"`
	AppVersion   string            `json:"appVersion,omitempty"`
	Deprecated   bool              `json:"deprecated,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	KubeVersion  string            `json:"kubeVersion,omitempty"`
	Dependencies []*Dependency     `json:"dependencies,omitempty"`
	// Type is "application", the default, or "library".
	Type string `json:"type,omitempty"`
}

// Maintainer is a person or organization that maintains a chart.
type Maintainer struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	URL   string `json:"url,omitempty"`
}

// Dependency is a chart that another chart needs.
type Dependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	ImportValues []any    `json:"import-values,omitempty"`
	Alias        string   `json:"alias,omitempty"`
}

// ReadMetadata reads a Chart.yaml, with or without a byte order mark. It does not validate what it reads. Error: ErrNoChart.
func ReadMetadata(chartYAML []byte) (*Metadata, error) {
	m := new(Metadata)
	if err := yaml.Unmarshal(bytes.TrimPrefix(chartYAML, []byte("\ufeff")), m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChart, err)
	}
	return m, nil
}

// Sanitized returns a copy as Helm accepts it, without characters that do not print. The error is Helm's reason to reject the
// metadata.
func (m *Metadata) Sanitized() (*Metadata, error) {
	var theirs *helm.Metadata
	if m != nil {
		theirs = new(helm.Metadata)
		if err := convert(m, theirs); err != nil {
			return nil, err
		}
	}
	if err := theirs.Validate(); err != nil {
		return nil, err
	}
	return fromHelm(theirs)
}

func fromHelm(theirs *helm.Metadata) (*Metadata, error) {
	m := new(Metadata)
	return m, convert(theirs, m)
}

// convert copies values between two types that have the same form in JSON.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
