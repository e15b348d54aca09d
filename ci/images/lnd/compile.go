package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
)

var (
	platforms = []string{"linux/amd64", "linux/arm64"}
	// tags are those of LND's releases, without the databases etcd, PostgreSQL and SQLite, and lowscrypt: with it, LND derives the key of
	// its wallet's file by scrypt with N=16 instead of 2^18, as for LND's own tests, and nothing else changes. A start then takes 0.25 s of a
	// core and 80 MB of RAM, instead of 8 s and 324 MB. The wallet of a node without a seed backup has a password that is in LND's source, so
	// that a slow derivation protects nothing. LND's tag integration has the same effect, and also turns off anchor channels, and lets
	// closing transactions count after one block.
	tags = []string{
		"autopilotrpc", "chainrpc", "invoicesrpc", "monitoring", "neutrinorpc", "peersrpc", "signrpc", "walletrpc", "watchtowerrpc",
		"lowscrypt",
	}
	// names of the programs, below cmd/ of LND's module.
	names = []string{"lnd", "lncli"}

	versionPattern = regexp.MustCompile(`(?m)^(?:require )?\s*` + regexp.QuoteMeta(lndModule) + ` (v\S+)( // indirect)?$`)
)

const lndModule = "github.com/lightningnetwork/lnd"

// module is the one in module/, which requires LND.
type module struct {
	dir string
	// cache has the programs, in a directory for each state of the module.
	cache string
	// version of LND.
	version string
	// flags of the compiler.
	flags []string
	// inputs are what the programs depend on, but for the platform.
	inputs []byte
}

func findModule(ctx context.Context, env func(string) string, flags []string) (*module, error) {
	root, err := output(ctx, "", nil, "go", "env", "GOMOD")
	if err != nil {
		return nil, err
	}
	cache := oci.CacheDir(env, "bin")
	if cache == "" {
		cache = os.TempDir()
	}
	return readModule(ctx, filepath.Join(filepath.Dir(root), "ci", "images", "lnd", "module"), cache, flags)
}

func readModule(ctx context.Context, dir, cache string, flags []string) (*module, error) {
	m := &module{dir: dir, cache: cache, flags: flags}
	compiler, err := output(ctx, "", nil, "go", "env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	m.inputs = fmt.Appendf(nil, "%s\n%v\n%v\n", compiler, tags, flags)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(m.dir, name))
		if err != nil {
			return nil, err
		}
		if name == "go.mod" {
			found := versionPattern.FindSubmatch(text)
			if found == nil {
				return nil, errors.New("module/go.mod does not require LND")
			}
			m.version = strings.TrimPrefix(string(found[1]), "v")
		}
		m.inputs = append(m.inputs, text...)
	}
	return m, nil
}

var (
	// withSymbols make the programs the same on every machine.
	withSymbols = []string{"-mod=readonly", "-trimpath", "-buildvcs=false"}
	// imageFlags are those of the image's programs. The compiler's results are the same, only the linker leaves more out.
	imageFlags = append(slices.Clip(withSymbols), "-ldflags=-s -w")
)

// compile returns a directory with the programs for a platform.
func (m *module) compile(ctx context.Context, platform string) (string, error) {
	system, architecture, _ := strings.Cut(platform, "/")
	if !slices.Contains(platforms, platform) {
		return "", fmt.Errorf("LND is not built for the platform %s; choose from %s", platform, strings.Join(platforms, ", "))
	}
	dir := m.place(platform)
	if _, err := os.Stat(dir); err == nil {
		now := time.Now()
		return dir, os.Chtimes(dir, now, now)
	}
	if err := os.MkdirAll(m.cache, 0o755); err != nil {
		return "", err
	}
	// The directory gets its name when it is complete, and another run may do the same.
	part, err := os.MkdirTemp(m.cache, "lnd-part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part) //nolint:errcheck // it has been renamed, or the build failed
	fmt.Fprintf(os.Stderr, "compiling LND %s for %s\n", m.version, platform)
	args := slices.Concat([]string{"build"}, m.flags, []string{"-tags=" + strings.Join(tags, ","), "-o=" + part + "/"})
	for _, name := range names {
		args = append(args, lndModule+"/cmd/"+name)
	}
	if _, err := output(ctx, m.dir, []string{"CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS=" + system, "GOARCH=" + architecture}, "go", args...); err != nil {
		return "", err
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil {
		if _, found := os.Stat(dir); found != nil {
			return "", err
		}
	}
	return dir, nil
}

// place of the programs for a platform in the cache.
func (m *module) place(platform string) string {
	sum := sha256.Sum256(append([]byte(platform+"\n"), m.inputs...))
	_, architecture, _ := strings.Cut(platform, "/")
	return filepath.Join(m.cache, "lnd-"+architecture+"-"+hex.EncodeToString(sum[:])[:12])
}

// licence is the text of LND's, which requires that copies have it.
func (m *module) licence(ctx context.Context) ([]byte, error) {
	// When the programs are in the cache, the module may be not.
	if _, err := output(ctx, m.dir, []string{"GOWORK=off"}, "go", "mod", "download", lndModule); err != nil {
		return nil, err
	}
	dir, err := output(ctx, m.dir, []string{"GOWORK=off"}, "go", "list", "-m", "-f", "{{.Dir}}", lndModule)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "LICENSE"))
}

// output runs a program in a directory and returns what it prints.
func output(ctx context.Context, dir string, env []string, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
