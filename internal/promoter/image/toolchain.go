package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ToolchainLabel is the label with the version of the Go toolchain that compiled the programs of an image, such as go1.26.1.
const ToolchainLabel = "com.github.christianb93.chart-promoter.go"

// changing are the variables that change what the compiler writes. Those for the architectures have fixed values instead.
var changing = []string{
	"CGO_ENABLED", "GO386", "GO111MODULE", "GOAMD64", "GOARCH", "GOARM", "GOARM64", "GOENV", "GOEXPERIMENT", "GOFIPS140", "GOFLAGS", "GOMIPS", "GOMIPS64", "GOOS",
	"GOPPC64", "GORISCV64", "GOWASM", "GOWORK",
}

// fetching are the settings of `go env -w` that matter to where modules come from and what is cached, and not to the image: go.sum
// defines the content of modules.
var fetching = []string{
	"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOTMPDIR", "GOVCS",
}

// toolchain is the environment of the compiler, and the version of what it runs.
type toolchain struct {
	env     []string
	version string
}

// findToolchain returns the toolchain that a source selects, without settings of this machine or its user that would change an image.
func findToolchain(ctx context.Context, dir string, extra []string) (toolchain, error) {
	own := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(changing, name) && name != "GOENV"
	})
	settings, err := goEnv(ctx, dir, append(own, "GOWORK=off", "GOFLAGS="), fetching)
	if err != nil {
		return toolchain{}, err
	}
	t := toolchain{env: slices.DeleteFunc(own, func(kv string) bool { return strings.HasPrefix(kv, "GOENV=") })}
	for _, name := range fetching {
		if v := settings[name]; v != "" {
			t.env = append(t.env, name+"="+v)
		}
	}
	t.env = append(t.env, "GOENV=off", "GOWORK=off", "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0", "PWD="+dir)
	t.env = append(t.env, extra...)
	found, err := goEnv(ctx, dir, t.env, []string{"GOVERSION"})
	t.version = found["GOVERSION"]
	return t, err
}

// goEnv asks the go command for settings.
func goEnv(ctx context.Context, dir string, env, names []string) (map[string]string, error) {
	out, err := runGo(ctx, dir, env, append([]string{"env", "-json"}, names...)...)
	if err != nil {
		return nil, err
	}
	var values map[string]string
	if err := json.Unmarshal(out, &values); err != nil {
		return nil, fmt.Errorf("read the output of go env: %w", err)
	}
	return values, nil
}

// runGo runs the go command and everything that it starts, and returns its output. Errors: ErrCompile, ErrFetch, with the output.
func runGo(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	output := strings.TrimSpace(out.String() + log.String())
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("the go command is not installed; install Go and run this again: %w", err)
	case strings.Contains(output, syscall.ENOSPC.Error()):
		return nil, fmt.Errorf("go %s: %w", args[0], syscall.ENOSPC)
	case notFetched(output):
		return nil, fmt.Errorf("%w; check the network, GOPROXY and the credentials, and run this again:\n%s", ErrFetch, output)
	}
	return nil, fmt.Errorf("%w; fix these errors and build again:\n%s", ErrCompile, output)
}
