// Command lnd builds the image of LND for the pods of LightningNetworks: lnd and lncli, compiled from Go modules, and no shell. The
// modules are those of module/go.sum, and the same ones give the same image, byte for byte, on every machine with the same release of Go.
//
//	go run ./ci/images/lnd layout                        into the directory $IMAGE_LAYOUT, for $IMAGE_PLATFORMS: for chart-promoter
//	go run ./ci/images/lnd archive FILE IMAGE PLATFORM   as an archive for `docker load`
//	go run ./ci/images/lnd programs                      compiles for this machine, and prints the directory: for tests
//	go run ./ci/images/lnd symbols                       the same programs with their symbols: for scripts/scan.sh
//
// Compiling takes eleven minutes of a core for each platform when Go's cache has nothing of it. The programs are kept where
// scripts/machine.sh keeps others. module/go.mod has the replace directives of LND's own go.mod, which count in its own module only, and
// later versions of modules in which a vulnerability was fixed: scripts/scan.sh finds them, and SECURITY.md explains those that remain.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/christianb93/bitcoin-controller/ci/images/oci"
)

// Usage is in the documentation of the command.
var errUsage = errors.New("use layout, archive FILE IMAGE PLATFORM, programs or symbols, as the head of ci/images/lnd/main.go describes")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "LND image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, env func(string) string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch {
	case args[0] == "layout" && len(args) == 1:
		return layout(ctx, env)
	case args[0] == "archive" && len(args) == 4:
		return archive(ctx, env, args[1], args[2], args[3])
	case args[0] == "programs" && len(args) == 1:
		return programs(ctx, env, imageFlags, out)
	case args[0] == "symbols" && len(args) == 1:
		return programs(ctx, env, withSymbols, out)
	}
	return errUsage
}

func layout(ctx context.Context, env func(string) string) error {
	dir := env("IMAGE_LAYOUT")
	if dir == "" {
		return errors.New("IMAGE_LAYOUT is not set; set it to the directory to write the image to")
	}
	m, err := findModule(ctx, env, imageFlags)
	if err != nil {
		return err
	}
	chosen := oci.Platforms(env("IMAGE_PLATFORMS"), platforms)
	var programs []string
	for _, platform := range chosen {
		programs = append(programs, m.place(platform))
	}
	return oci.Layout{
		Name: "lnd", Inputs: fmt.Appendf(m.inputs, "%v\n", chosen), Keeps: programs,
		Build: func() (v1.ImageIndex, error) { return oci.Index(chosen, m.image(ctx)) },
	}.Write(env, dir)
}

func archive(ctx context.Context, env func(string) string, file, ref, platform string) error {
	m, err := findModule(ctx, env, imageFlags)
	if err != nil {
		return err
	}
	img, err := m.image(ctx)(platform)
	if err != nil {
		return err
	}
	return oci.WriteArchive(file, ref, img)
}

func programs(ctx context.Context, env func(string) string, flags []string, out io.Writer) error {
	m, err := findModule(ctx, env, flags)
	if err != nil {
		return err
	}
	dir, err := m.compile(ctx, "linux/"+runtime.GOARCH)
	if err == nil {
		_, err = fmt.Fprintln(out, dir)
	}
	return err
}
