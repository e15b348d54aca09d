package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// failingEngine is a container engine that runs, and whose builds end with this output.
func failingEngine(t *testing.T, output string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "output"), []byte(output), 0o644); err != nil {
		t.Fatal(err)
	}
	return engineScript(t, dir, "[ $1 = version ] && echo linux/amd64 && exit\ncat "+dir+"/output >&2\nexit 1\n")
}

func engineScript(t *testing.T, dir, script string) string {
	t.Helper()
	path := filepath.Join(dir, "engine")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func dockerSpec(engine string) DockerSpec {
	return DockerSpec{Engine: engine, Dockerfile: "Dockerfile", Context: ".", SourceDate: time.Unix(1700000000, 0)}
}

const dockerfileLines = " => ERROR [internal] load metadata for docker.io/library/node:20\n------\n > [internal] load metadata for docker.io/library/node:20:\n------\n" +
	"Dockerfile:1\n--------------------\n   1 | >>> FROM node:20\n--------------------\n"

const runLines = "#5 [2/2] RUN make\n#5 0.21 ERROR: failed to solve: x: failed to do request: Head \"https://example.com/v2/\": EOF\n#5 0.22 Get \"https://example.com/v2/\": EOF\n" +
	"#5 ERROR: process \"/bin/sh -c make\" did not complete successfully: exit code: 2\n------\n > [2/2] RUN make:\n0.21 ERROR: failed to solve: failed to do request: EOF\n------\n"

func TestTheRegistryOfABaseImageIsNoFaultOfTheSource(t *testing.T) {
	t.Parallel()
	const resolve = "ERROR: failed to solve: node:20: failed to resolve source metadata for docker.io/library/node:20: "
	for name, c := range map[string]struct {
		output string
		want   error
	}{
		"the registry is down":                       {dockerfileLines + resolve + `failed to do request: Head "https://registry-1.docker.io/v2/library/node/manifests/20": dial tcp 192.0.2.1:443: connect: connection refused` + "\n", ErrRegistry},
		"with a hint after it":                       {dockerfileLines + resolve + `failed to do request: Head "https://example.com/v2/": EOF` + "\n\nView build details: docker-desktop://dashboard\n", ErrRegistry},
		"a blob cannot be read":                      {resolve + `failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://example.com/data": read tcp: connection reset by peer`, ErrRegistry},
		"the login is wrong":                         {resolve + "failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?scope=x: 401 Unauthorized", ErrRegistry},
		"too many pulls":                             {resolve + "unexpected status from HEAD request to https://registry-1.docker.io/v2/library/node/manifests/20: 429 Too Many Requests", ErrRegistry},
		"an older BuildKit":                          {"failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: Head https://registry-1.docker.io/v2/: dial tcp: i/o timeout", ErrRegistry},
		"the frontend":                               {"ERROR: failed to build: failed to solve: failed to resolve source metadata for docker.io/docker/dockerfile:1: failed to do request: Head \"https://example.com\": EOF", ErrRegistry},
		"the builder before BuildKit":                {"Step 1/2 : FROM node:20\nGet \"https://registry-1.docker.io/v2/\": net/http: request canceled while waiting for connection", ErrRegistry},
		"podman":                                     {`STEP 1/2: FROM localhost:1/node` + "\n" + `Error: creating build container: initializing source docker://localhost:1/node:latest: pinging container registry localhost:1: Get "https://localhost:1/v2/": dial tcp [::1]:1: connect: connection refused`, ErrRegistry},
		"no such image":                              {dockerfileLines + resolve + "docker.io/library/node:20: not found", ErrDocker},
		"an image of nobody":                         {resolve + "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed", ErrDocker},
		"a command that fails and prints such lines": {runLines + `ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2`, ErrDocker},
		"a command that contains such words":         {`ERROR: failed to solve: process "/bin/sh -c echo failed to do request: x; false" did not complete successfully: exit code: 1`, ErrDocker},
		"a command of the builder before BuildKit":   {"Get \"https://example.com/\": EOF\nThe command '/bin/sh -c make' returned a non-zero code: 2", ErrDocker},
		"a full disk":                                {"ERROR: failed to solve: failed to copy files: write /var/lib/docker/x: no space left on device", syscall.ENOSPC},
		"no output":                                  {"", ErrDocker},
	} {
		_, err := FromDockerfile(t.Context(), dockerSpec(failingEngine(t, c.output)))
		wantKind := failure.External
		if errors.Is(c.want, ErrDocker) {
			wantKind = failure.TestFailed
		}
		if !errors.Is(err, c.want) || failure.Of(err) != wantKind || !strings.Contains(err.Error(), strings.TrimSpace(c.output[max(0, len(c.output)-60):])) {
			t.Errorf("%s: (%s) %v, want %v with the output", name, failure.Of(err), err, c.want)
		}
	}
}

func TestAnEngineThatDoesNotAnswerIsAnExternalFailure(t *testing.T) {
	t.Parallel()
	const daemon = "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1\n"
	stopping := t.TempDir()
	for name, c := range map[string]struct{ engine, word string }{
		"not installed":            {"no-such-engine-here", "install it"},
		"not running":              {engineScript(t, t.TempDir(), daemon), "daemon running"},
		"it stops while it builds": {engineScript(t, stopping, "[ $1 = version ] && [ ! -e "+stopping+"/stopped ] && echo linux/amd64 && exit\ntouch "+stopping+"/stopped\n"+daemon), "daemon running"},
	} {
		_, err := FromDockerfile(t.Context(), dockerSpec(c.engine))
		if !errors.Is(err, ErrEngine) || failure.Of(err) != failure.External || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: (%s) %v, want ErrEngine with %q", name, failure.Of(err), err, c.word)
		}
	}
}
