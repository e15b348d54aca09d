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
	if err != nil || workers == 0 {
		return text, err
	}
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	nodes := []any{map[string]any{"role": "control-plane"}}
	for range workers {
		nodes = append(nodes, map[string]any{"role": "worker"})
	}
	config["nodes"] = nodes
	return yaml.Marshal(config)
}
