// Command bitcoind builds the image of the nodes: Debian's bitcoin-knots, the libraries that it loads, and no shell. The packages are
// those of pins.json, and the same pins give the same image, byte for byte, on every machine with the same release of Go.
//
//	go run ./ci/images/bitcoind layout                        into the directory $IMAGE_LAYOUT, for $IMAGE_PLATFORMS: for chart-promoter
//	go run ./ci/images/bitcoind archive FILE IMAGE PLATFORM   as an archive for `docker load`
//	go run ./ci/images/bitcoind files DIRECTORY PLATFORM      its files into a directory: for tests that start bitcoind themselves
//	go run ./ci/images/bitcoind update                        renews pins.json; needs apt and the keys of Debian's archive
//	go run ./ci/images/bitcoind check                         fails if a pinned package is gone, or the pins are old; needs the same
//	go run ./ci/images/bitcoind vulnerabilities FILE          fails if Debian has fixed a vulnerability of a pinned package, by the data of its security tracker
//
// Packages come from $DEBIAN_MIRROR if it is set, from the mirror that apt has on Debian, and from Debian's snapshot archive, which
// keeps what a mirror drops, if $DEBIAN_SNAPSHOT is the address of its files before the SHA-1. A build trusts none of them: pins.json has the SHA-256 of each package. `update` takes these from the package index of
// the suite, whose signature apt checks with Debian's keys, so that a change of pins.json is to be trusted as far as who ran `update`.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
)

// Usage is in the documentation of the command.
var errUsage = errors.New("use layout, archive FILE IMAGE PLATFORM, files DIRECTORY PLATFORM, update, check or vulnerabilities FILE, as the head of ci/images/bitcoind/main.go describes")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "bitcoind image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, env func(string) string) error {
	if len(args) == 0 {
		return errUsage
	}
	get := newFetcher(ctx, env)
	switch {
	case args[0] == "layout" && len(args) == 1:
		return layoutFor(ctx, get, env)
	case args[0] == "archive" && len(args) == 4:
		return archive(ctx, get, args[1], args[2], args[3])
	case args[0] == "files" && len(args) == 3:
		return writeFiles(ctx, get, args[1], args[2])
	case args[0] == "update" && len(args) == 1:
		return update(ctx, get)
	case args[0] == "check" && len(args) == 1:
		return checkPins(ctx, get)
	case args[0] == "vulnerabilities" && len(args) == 2:
		return vulnerabilities(args[1], get.log)
	}
	return errUsage
}

func layoutFor(ctx context.Context, get *fetcher, env func(string) string) error {
	dir := env("IMAGE_LAYOUT")
	if dir == "" {
		return errors.New("IMAGE_LAYOUT is not set; set it to the directory to write the image to")
	}
	p, err := parsePins(pinsText)
	if err != nil {
		return err
	}
	platforms := oci.Platforms(env("IMAGE_PLATFORMS"), p.platforms())
	// The pins are built into the program.
	return oci.Layout{
		Name: "bitcoind", Inputs: fmt.Appendf(nil, "%v\n", platforms), Keeps: get.kept(p, platforms),
		Build: func() (v1.ImageIndex, error) { return p.index(ctx, get, platforms) },
	}.Write(env, dir)
}
