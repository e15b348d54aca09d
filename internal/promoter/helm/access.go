package helm

import (
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// FieldManager is the name under which Helm's own command writes to a cluster. The libraries would take the name of this program, and
// then what one major has written is not what the other expects of its predecessor.
const FieldManager = "helm"

// Getter is what both libraries take in place of a command's flags.
func (a Access) Getter(namespace string) *genericclioptions.ConfigFlags {
	flags := genericclioptions.NewConfigFlags(false)
	limit := a.RequestTimeout
	if limit == 0 {
		limit = 2 * time.Minute
	}
	timeout := limit.String()
	flags.KubeConfig, flags.Namespace, flags.Timeout = &a.Kubeconfig, &namespace, &timeout
	return flags
}
