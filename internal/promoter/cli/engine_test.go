package cli

import (
	"maps"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
)

// engine sets a PATH with the commands of these tests, on which docker, if any, is this script.
func engine(t *testing.T, docker string) {
	t.Helper()
	bin := t.TempDir()
	for _, tool := range []string{"git", "go", "sh", "true", "sleep"} {
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
	t.Cleanup(func() { // what hangs, and what kind, which started it, does not end
		pids, _ := os.ReadFile(bin + "/pids")
		for _, line := range strings.Fields(string(pids)) {
			if pid, err := strconv.Atoi(line); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
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

// installed is the beginning of the script of an engine that is installed.
const installed = "#!/bin/sh\n[ \"$1\" = -v ] && echo Docker version 27.0.0 && exit\n"

// withoutEngine are the scripts of an engine that is missing, or whose daemon does not run.
var withoutEngine = map[string]string{
	"not installed": "",
	"not running":   installed + "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2\nexit 1\n",
}

// kind finds its engine on the PATH; here it is missing, or its daemon does not run or does not answer.
func TestDockerNotRunningIsAnExternalFailure(t *testing.T) {
	engines := maps.Clone(withoutEngine)
	engines["hanging"] = installed + "echo $$ >>\"${0%/*}/pids\"\nexec sleep 1000\n"
	for name, docker := range engines {
		t.Run(name, func(t *testing.T) {
			s := newTestPipeline(t, "directory", "v1.0.0")
			s.must("bump")
			engine(t, docker)
			before := cluster.EngineLimits
			t.Cleanup(func() { cluster.EngineLimits = before })
			if name == "hanging" {
				cluster.EngineLimits.Answer = 500 * time.Millisecond
			}
			for command, code := range map[string]int{"verify": 5, "doctor": 5} {
				got, out, msg := s.callInTime(time.Minute, "--work-dir", s.env["WORK"], command)
				if got != code || command == "verify" && out != "" || !strings.Contains(out+msg, "Docker") {
					t.Errorf("%s: exit %d:\n%s%s", command, got, out, msg)
				}
			}
		})
	}
}

func TestDockerNotRunningIsAnExternalFailureOfABuild(t *testing.T) {
	for name, docker := range withoutEngine {
		t.Run(name, func(t *testing.T) {
			p := newTestRepo(t)
			p.write("ci/pipeline.yaml", strings.Replace(pipelineYAML, "package: ./cmd/hello", "dockerfile: Dockerfile", 1))
			p.commit("Dockerfile", "FROM scratch\n")
			p.key()
			engine(t, docker)
			want := map[bool]string{true: "docker is not installed", false: "Is the docker daemon running?"}[docker == ""]
			if code, out, msg := p.call("build"); code != 5 || out != "" || !strings.Contains(msg, want) {
				t.Errorf("build: exit %d, want 5 with %q:\n%s", code, want, msg)
			}
			if docker == "" {
				want = "install docker"
			}
			if code, _, msg := p.call("run"); code != 5 || !strings.Contains(msg, want) {
				t.Errorf("run: exit %d, want 5 with %q:\n%s", code, want, msg)
			}
		})
	}
}

func TestAModuleProxyThatDoesNotAnswerIsAnExternalFailure(t *testing.T) {
	t.Setenv("GOPROXY", "http://127.0.0.1:1")
	const sum = " h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	const test = "    build:\n      test: {command: [go, test, -json, ./...], format: go-json}\n"
	for name, c := range map[string]struct {
		pipeline, main string
		code           int
		words          string
	}{
		"the compiler needs it":                {pipelineYAML, "import _ \"example.com/dep\"\n", 5, "connection refused"},
		"the unit tests need it first":         {strings.Replace(pipelineYAML, "    build:\n", test, 1), "import _ \"example.com/dep\"\n", 5, "connection refused"},
		"unit tests that fail by themselves":   {strings.Replace(pipelineYAML, "    build:\n", test, 1), "", 3, "unit tests"},
		"a compiler error with the same proxy": {pipelineYAML, "var x int = nothing\n", 3, "undefined: nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestRepo(t)
			p.write("ci/pipeline.yaml", c.pipeline)
			p.write("go.mod", "module example.com/hello\n\ngo 1.24\n\nrequire example.com/dep v1.0.0\n")
			p.write("go.sum", "example.com/dep v1.0.0"+sum+"example.com/dep v1.0.0/go.mod"+sum)
			p.write("cmd/hello/main_test.go", "package main\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { t.Fatal(\"fails\") }\n")
			p.commit("cmd/hello/main.go", "package main\n\n"+c.main+"\nfunc main() {}\n")
			if code, out, msg := p.call("build"); code != c.code || out != "" || !strings.Contains(msg, c.words) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, c.code, c.words, msg)
			}
		})
	}
}

// callInTime is call of a command that must end within the limit.
func (p *testRepo) callInTime(limit time.Duration, args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	done := make(chan struct{})
	go func() {
		code, stdout, stderr = p.call(args...)
		close(done)
	}()
	select {
	case <-done:
		return code, stdout, stderr
	case <-time.After(limit):
		p.t.Fatalf("%s did not end within %s", args, limit)
		return 0, "", ""
	}
}
