// Command engines writes this repository's own files for the CI engines, as `chart-promoter init` makes them for others,
// below the directory it is given. Travis is the engine in use; the files of the others are templates.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/scaffold"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: engines DIRECTORY")
	}
	// The environment of whoever runs this does not belong in the files.
	cfg, err := config.Load(config.DefaultFile, ".", func(string) string { return "" })
	if err != nil {
		return err
	}
	for _, engine := range ci.Names() {
		files, err := scaffold.CI(cfg, config.DefaultFile, engine, engine != "travis")
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := atomicfile.WriteMkdir(filepath.Join(args[0], f.Path), []byte(f.Content), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
