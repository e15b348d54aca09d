package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// engine sets a PATH with the commands of these tests, on which docker, if any, is this script.
func engine(t *testing.T, docker string) {
	t.Helper()
	bin := t.TempDir()
	for _, tool := range []string{"git", "go", "sh", "true"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, bin+"/"+tool); err != nil {
			t.Fatal(err)
		}
	}
	if docker != "" {
		if err := os.WriteFile(bin+"/docker", []byte(docker), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("KIND_EXPERIMENTAL_PROVIDER", "")
}

// oneCluster is an engine whose only cluster has the name taken.
const oneCluster = "#!/bin/sh\n[ \"$1\" = -v ] && echo Docker version 27.0.0 && exit\n[ \"$1\" = ps ] && echo taken && exit\necho no such thing >&2\nexit 1\n"

func TestVerifyRejectsAClusterNameInUseAndKeepsTheCluster(t *testing.T) {
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	engine(t, oneCluster)
	before := s.everything()
	code, out, msg := s.call("--work-dir", s.env["WORK"], "verify", "--cluster", "taken")
	if code != 2 || out != "" || !strings.Contains(msg, "delete it or choose another name") {
		t.Errorf("exit %d:\n%s", code, msg)
	}
	after := s.everything()
	delete(after, "work/hello-1.0.0.tgz")
	// Above all no file names the cluster: the next run would delete it as its own.
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("it changed something:\n%s", diff)
	}
}

// kind finds its engine on the PATH; here it is missing, or its daemon does not run.
func TestDockerNotRunningIsAnExternalFailure(t *testing.T) {
	for name, docker := range map[string]string{
		"not installed": "",
		"not running":   "#!/bin/sh\n[ \"$1\" = -v ] && echo Docker version 27.0.0 && exit\necho 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2\nexit 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestPipeline(t, "directory", "v1.0.0")
			s.must("bump")
			engine(t, docker)
			code, out, msg := s.call("--work-dir", s.env["WORK"], "verify")
			if code != 5 || out != "" || !strings.Contains(msg, "Docker") {
				t.Errorf("exit %d:\n%s", code, msg)
			}
		})
	}
}
