package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// selected is a stand-in for every engine: it notes its calls, and prints its version as the engine does.
const selected = `#!/bin/sh
name=${0##*/}
echo "$name $*" >>"${0%/*}/calls"
case "$name $1" in
"docker -v") echo "Docker version 99" ;;
"nerdctl -v") echo "nerdctl version 2.0.0" ;;
"podman -v" | "podman --version") echo "podman version 5.0.0" ;;
esac
`

// Kind's library and the commands that this package runs itself are to use one engine.
func TestClustersAndImagesAreThoseOfOneEngine(t *testing.T) {
	every := []string{"docker", "nerdctl", "podman", "finch"}
	for name, c := range map[string]struct {
		installed []string
		choice    string
		want      string
	}{
		"podman by name":   {every, "podman", "podman"},
		"nerdctl by name":  {every, "nerdctl", "nerdctl"},
		"finch by name":    {every, "finch", "finch"},
		"docker by name":   {every, "docker", "docker"},
		"Docker first":     {every, "", "docker"},
		"nerdctl, no name": {[]string{"podman", "nerdctl"}, "", "nerdctl"},
		"podman, no name":  {[]string{"podman"}, "", "podman"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, engine := range c.installed {
				if err := os.WriteFile(filepath.Join(dir, engine), []byte(selected), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", dir)
			t.Setenv("KIND_EXPERIMENTAL_PROVIDER", c.choice)
			if err := Engine(t.Context(), nil); err != nil {
				t.Error(err)
			}
			if local, err := localImage(t.Context(), "some/image"); !local || err != nil || EngineCommand() != c.want {
				t.Errorf("images are those of %s", EngineCommand())
			}
			calls, err := os.ReadFile(filepath.Join(dir, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{c.want + " ps -a ", c.want + " image inspect some/image"} {
				if !strings.Contains(string(calls), want) {
					t.Errorf("no call of %q:\n%s", want, calls)
				}
			}
			for line := range strings.Lines(string(calls)) {
				if !strings.HasPrefix(line, c.want+" ") && !strings.HasSuffix(line, " -v\n") {
					t.Errorf("another engine is called: %s", line)
				}
			}
		})
	}
}
