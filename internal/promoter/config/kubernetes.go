package config

import (
	"fmt"
	"path"
	"regexp"
)

// Kubernetes is what the chart is linted and rendered for before there is a cluster.
type Kubernetes struct {
	// Version of Kubernetes, such as 1.34.2. Default: that of the cluster: of --kubeconfig, of the tag of cluster.nodeImage, or of
	// kind's own node image.
	Version string `yaml:"version"`
	// APIVersions lists APIs beside Kubernetes' own that the cluster has, such as monitoring.coreos.com/v1, as for
	// `helm template --api-versions`. Default: none.
	APIVersions []string `yaml:"apiVersions"`
}

var kubeVersion = regexp.MustCompile(`^v?[0-9]+\.[0-9]+(\.[0-9]+)?$`)

func (k Kubernetes) validate() error {
	if k.Version != "" && !kubeVersion.MatchString(k.Version) {
		return fmt.Errorf("verify.kubernetes.version %q: use a version such as 1.34 or 1.34.2", k.Version)
	}
	return nil
}

// DefaultValuesFiles are the files of values that chart-testing uses.
const DefaultValuesFiles = "ci/*-values.yaml"

func (in Install) validate() error {
	for _, pattern := range in.ValuesFiles {
		if _, err := path.Match(pattern, ""); err != nil || leavesRoot(pattern) {
			return fmt.Errorf("verify.install.valuesFiles: %q is no pattern of files within the chart", pattern)
		}
	}
	return nil
}
