package testtools

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RunWithPrivateHome runs the tests of a package, for its TestMain, with a home directory of their own: the git and go settings of
// the user do not reach them. It is set once for all tests, since a test that sets a variable cannot run in parallel with others.
func RunWithPrivateHome(m *testing.M) int {
	home, err := os.MkdirTemp("", "home")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	// The go command's caches are below HOME; new ones would compile the standard library and download the modules again.
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		panic(err)
	}
	buildCache, moduleCache, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	// The go command counts its calls in a process that outlives it, and would write into a directory that is being removed.
	telemetry := filepath.Join(home, "config", "go", "telemetry")
	template := filepath.Join(home, "template")
	err = errors.Join(os.MkdirAll(telemetry, 0o755), os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o644), os.MkdirAll(filepath.Join(template, "hooks"), 0o755))
	for name, value := range map[string]string{
		"GOCACHE": buildCache, "GOMODCACHE": moduleCache, "HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "config"), "GIT_CONFIG_NOSYSTEM": "1",
		// A repository with git's sample hooks takes twice as long to create.
		"GIT_TEMPLATE_DIR": template,
	} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err != nil {
		panic(err)
	}
	return m.Run()
}
