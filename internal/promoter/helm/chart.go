package helm

import "encoding/json"

// Chart is a chart as Helm reads it.
type Chart struct {
	Metadata *Metadata
	// ValuesYAML is the chart's values.yaml as it is written, nil if there is none, and Values is what Helm reads.
	ValuesYAML []byte
	Values     map[string]any
	// Subcharts are the charts in its charts directory.
	Subcharts []*Metadata
	// CRDs are the files of its crds directory and of its subcharts'.
	CRDs []File
}

// File is a file of a chart.
type File struct {
	Name string
	Data []byte
}

// The limits of both majors for the files of a chart, in bytes.
const (
	MaxChartSize = 100 << 20
	MaxFileSize  = 5 << 20
)

// LintOptions are how a chart is linted.
type LintOptions struct {
	// Values over the chart's own. Default: none.
	Values map[string]any
	// Namespace of the release. Default: default.
	Namespace string
	// KubeVersion is the version of Kubernetes that the chart is for. Default: the one that Helm was built for.
	KubeVersion string
}

// NamespaceOrDefault is the namespace, or default.
func (o LintOptions) NamespaceOrDefault() string {
	if o.Namespace == "" {
		return "default"
	}
	return o.Namespace
}

// RenderOptions are how a chart is rendered.
type RenderOptions struct {
	Release, Namespace string
	// Values over the chart's own. Default: none.
	Values map[string]any
	// KubeVersion is the version of Kubernetes that the chart is for. Default: the one that Helm was built for.
	KubeVersion string
	// APIVersions are APIs of the cluster beside Kubernetes' own. Default: none.
	APIVersions []string
}

// Finding is one line of Helm's linters.
type Finding struct {
	Text string
	// Error is a finding that keeps the chart from working.
	Error bool
}

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

// Convert copies values between two types that have the same form in JSON.
func Convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
