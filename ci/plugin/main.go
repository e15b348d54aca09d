// Command plugin builds kubectl-btcnet for a release: one archive for each platform, and the manifest with which krew installs them. The
// same commit gives the same archives, byte for byte, on every machine with the same release of Go.
//
//	go run ./ci/plugin -out DIR -url URL -platforms linux/amd64,darwin/arm64
//
// It reads VERSION, which is a semantic version, and SOURCE_DATE_EPOCH, the time of all files, as chart-promoter sets them. URL is that
// of the directory from which the archives will be served.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

func main() {
	if err := run(os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1)
	}
}

// release is what is built.
type release struct {
	version   string
	when      time.Time
	out, url  string
	platforms []platform
}

type platform struct{ os, arch string }

// archive is the name of the platform's archive.
func (p platform) archive() string {
	return fmt.Sprintf("kubectl-btcnet_%s_%s.tar.gz", p.os, p.arch)
}

// program is the name of the program in it.
func (p platform) program() string {
	if p.os == "windows" {
		return "kubectl-btcnet.exe"
	}
	return "kubectl-btcnet"
}

var platformName = regexp.MustCompile(`^(linux|darwin|windows)/(amd64|arm64)$`)

func parse(args []string, env func(string) string) (*release, error) {
	r := &release{version: env("VERSION")}
	flags := flag.NewFlagSet("plugin", flag.ContinueOnError)
	flags.StringVar(&r.out, "out", "", "directory to write to, which is emptied first")
	flags.StringVar(&r.url, "url", "", "URL of the directory from which the archives will be served; {version} stands for the version")
	platforms := flags.String("platforms", "", "platforms, separated by commas")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if r.out == "" || flags.NArg() > 0 {
		return nil, errors.New("-out must name a directory, and there are no arguments")
	}
	if _, err := semver.StrictNewVersion(r.version); err != nil {
		return nil, fmt.Errorf("VERSION is %q, and must be a semantic version without v: %w", r.version, err)
	}
	seconds, err := strconv.ParseInt(env("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil || seconds < 0 {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH is %q, and must be a time in seconds", env("SOURCE_DATE_EPOCH"))
	}
	if r.url = strings.ReplaceAll(r.url, "{version}", r.version); !strings.HasPrefix(r.url, "https://") {
		return nil, fmt.Errorf("-url is %q, and must begin with https://", r.url)
	}
	r.when = time.Unix(seconds, 0).UTC()
	for name := range strings.SplitSeq(*platforms, ",") {
		match := platformName.FindStringSubmatch(name)
		if match == nil {
			return nil, fmt.Errorf("-platforms has %q, and each must be one such as linux/amd64: linux, darwin or windows with amd64 or arm64", name)
		}
		r.platforms = append(r.platforms, platform{match[1], match[2]})
	}
	return r, nil
}

func run(args []string, env func(string) string) error {
	r, err := parse(args, env)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	sums := map[platform]string{}
	for _, p := range r.platforms {
		if sums[p], err = r.build(p); err != nil {
			return fmt.Errorf("%s/%s: %w", p.os, p.arch, err)
		}
	}
	text, err := r.manifest(sums)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "btcnet.yaml"), text, 0o644)
}
