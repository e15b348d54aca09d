package cluster

import (
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
)

var imageVersion = regexp.MustCompile(`:v?([0-9]+\.[0-9]+(\.[0-9]+)?)`)

// ImageVersion is the version of Kubernetes that the tag of a node image names; for an image without such a tag, and for none, that of
// kind's own.
func ImageVersion(nodeImage string) string {
	for _, image := range []string{nodeImage, defaults.Image} {
		name, _, _ := strings.Cut(image, "@")
		if m := imageVersion.FindStringSubmatch(name[strings.LastIndex(name, "/")+1:]); m != nil {
			return m[1]
		}
	}
	return ""
}

// Version is the version of Kubernetes that a kubeconfig's cluster reports. Error: ErrSilent.
func Version(kubeconfig string) (string, error) {
	c, err := Connect(kubeconfig)
	if err != nil {
		return "", err
	}
	v, err := c.Discovery().ServerVersion()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return v.GitVersion, nil
}
