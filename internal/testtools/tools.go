// Package testtools is for tests that need a program which not every machine has: they are skipped without it, or fail when the
// variable REQUIRE_TOOLS is 1, as in CI, so that no run passes because its tests did not run.
package testtools

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Find returns the path of the first of the programs that is installed. Without any of them the test ends.
func Find(t testing.TB, programs ...string) string {
	t.Helper()
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	Missing(t, strings.Join(programs, " or ")+" is not installed")
	return ""
}

// Docker ends the test where no Docker engine runs.
func Docker(t testing.TB) {
	t.Helper()
	Find(t, "docker")
	if err := exec.CommandContext(t.Context(), "docker", "info").Run(); err != nil {
		Missing(t, "no Docker engine answers: "+err.Error())
	}
}

// Missing ends a test that cannot run on this machine.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s, and REQUIRE_TOOLS=1", reason)
	}
	t.Skip(reason)
}
