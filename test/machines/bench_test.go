//go:build e2e

package machines

import (
	"os"
	"os/exec"
	"testing"
)

// BenchmarkOnSeveralClusterNodes runs the command of COMMAND in bash with the kubeconfig of the cluster, in which the chart is installed.
// test/bench/machines.sh calls it.
func BenchmarkOnSeveralClusterNodes(b *testing.B) {
	command := os.Getenv("COMMAND")
	if command == "" {
		b.Skip("COMMAND is not set; see test/bench/machines.sh")
	}
	needCluster(b)
	install(b)
	for b.Loop() {
		bash := exec.CommandContext(b.Context(), "bash", "-c", command)
		bash.Env = append(os.Environ(), "KUBECONFIG="+testCluster.Kind.Kubeconfig)
		bash.Stdout, bash.Stderr = os.Stdout, os.Stderr
		ok(b, bash.Run())
	}
}
