package kindcluster

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// root is that of the repository: tests run in the directory of their package, which is in test. A path from the compiler would not do,
// since it may be trimmed.
const root = "../.."

// mirrors lets a test name the registries that nodes pull from, in /etc/containerd/certs.d. Each patch is for one form of containerd's
// configuration; kind leaves out those for others.
var mirrors = []any{
	"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
	"version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
}

// kindConfig is the configuration of all test clusters, with cluster nodes beside the control plane.
func kindConfig(workers int) ([]byte, error) {
	file := os.Getenv("KIND_CONFIG")
	if file == "" {
		file = "ci/kind.yaml"
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(root, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	patches, _ := config["containerdConfigPatches"].([]any)
	config["containerdConfigPatches"] = append(patches, mirrors...)
	if workers > 0 {
		nodes := []any{map[string]any{"role": "control-plane"}}
		for range workers {
			nodes = append(nodes, map[string]any{"role": "worker"})
		}
		config["nodes"] = nodes
	}
	return yaml.Marshal(config)
}
