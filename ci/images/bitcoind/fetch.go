package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
)

const updateCommand = "go run ./ci/images/bitcoind update"

// fetcher returns packages: from its directory, or from the first place that has them.
type fetcher struct {
	// dir keeps packages by their SHA-256; "" keeps none. scripts/machine.sh removes those that were not used for 30 days.
	dir string
	// mirrors are the addresses below which pool/ is.
	mirrors []string
	// snapshot is the address before the SHA-1 of a file in Debian's snapshot archive, which has every file that was ever on a mirror;
	// "" is none.
	snapshot string
	backoff  wait.Backoff
	client   *http.Client
	log      io.Writer
}

// newFetcher uses the proxies of the environment, as $HTTP_PROXY.
func newFetcher(ctx context.Context, env func(string) string) *fetcher {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // documented
	transport.DialContext = (&net.Dialer{Timeout: 20 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = time.Minute
	f := &fetcher{dir: oci.CacheDir(env, "packages"), snapshot: env("DEBIAN_SNAPSHOT"), backoff: backoff, client: &http.Client{Transport: transport, Timeout: 10 * time.Minute}, log: os.Stderr}
	for _, m := range []string{env("DEBIAN_MIRROR"), aptMirror(ctx)} {
		if m != "" {
			f.mirrors = append(f.mirrors, strings.TrimRight(m, "/"))
		}
	}
	return f
}

// aptMirror is where apt gets the packages of Debian's archive from, "" where it has no such place, as on other distributions.
func aptMirror(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian").Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	if !strings.HasPrefix(first, "http") {
		return ""
	}
	return first
}

// get returns a package that is the pinned one, byte for byte.
func (f *fetcher) get(ctx context.Context, p pin) ([]byte, error) {
	kept := ""
	if f.dir != "" {
		kept = f.place(p)
		if content, err := os.ReadFile(kept); err == nil && p.check(content) == nil {
			now := time.Now()
			return content, os.Chtimes(kept, now, now)
		}
	}
	var errs []error
	for _, url := range f.places(p) {
		content, err := f.downloadWithRetries(ctx, url, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", url, err))
			continue
		}
		fmt.Fprintf(f.log, "downloaded %s\n", url)
		if kept == "" {
			return content, nil
		}
		return content, atomicfile.WriteMkdir(kept, content, 0o644)
	}
	return nil, fmt.Errorf("%s %s cannot be downloaded; set DEBIAN_MIRROR to a mirror of Debian that has it, or, if Debian has dropped it, set DEBIAN_SNAPSHOT to the address of the files in its snapshot archive or renew the pins with `%s`: %w",
		p.Package, p.Version, updateCommand, cmp.Or(errors.Join(errs...), errNoPlace))
}

// place of a package in the directory.
func (f *fetcher) place(p pin) string { return filepath.Join(f.dir, p.SHA256+".deb") }

// kept are the places of the packages of some platforms.
func (f *fetcher) kept(all *pins, platforms []string) (files []string) {
	if f.dir == "" {
		return nil
	}
	for _, platform := range platforms {
		for _, p := range all.Platforms[platform] {
			files = append(files, f.place(p))
		}
	}
	return files
}

func (f *fetcher) places(p pin) []string {
	var list []string
	for _, m := range f.mirrors {
		// Some mirrors take a plus for a space.
		list = append(list, m+"/"+strings.ReplaceAll(p.Path, "+", "%2B"))
	}
	if f.snapshot != "" {
		list = append(list, f.snapshot+p.SHA1)
	}
	return list
}

// errNoPlace is why nothing was requested: this machine is no Debian, and names no mirror.
var errNoPlace = errors.New("no mirror is known")

// errBusy is an answer of a server that may have the package, and that another request may get.
var errBusy = errors.New("the server is busy or does not answer")

// backoff is how often, and after which delays, a package is requested from one place: a build needs dozens of them.
var backoff = wait.Backoff{Steps: 4, Duration: time.Second, Factor: 3, Jitter: 0.2}

// downloadWithRetries repeats a request that ended with errBusy.
func (f *fetcher) downloadWithRetries(ctx context.Context, url string, p pin) (content []byte, err error) {
	again := wait.ExponentialBackoffWithContext(ctx, f.backoff, func(ctx context.Context) (bool, error) {
		content, err = f.download(ctx, url, p)
		return !errors.Is(err, errBusy), nil
	})
	return content, cmp.Or(err, again)
}

func (f *fetcher) download(ctx context.Context, url string, p pin) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		// The address is in the message already.
		return nil, errors.Unwrap(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return nil, fmt.Errorf("%w: %s", errBusy, resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New(resp.Status)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, p.Size+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBusy, err)
	}
	return content, p.check(content)
}

// check compares a package with its pin.
func (p pin) check(content []byte) error {
	if int64(len(content)) != p.Size {
		return fmt.Errorf("the file has another size than the pinned %d bytes", p.Size)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != p.SHA256 {
		return fmt.Errorf("the file has the SHA-256 %x, not the pinned %s", sum, p.SHA256)
	}
	return nil
}
