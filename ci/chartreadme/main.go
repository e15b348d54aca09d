// Command chartreadme writes the table of values in the chart's README from the comments in its values.yaml.
//
//	go run ./ci/chartreadme          rewrite charts/bitcoin-controller/README.md
//	go run ./ci/chartreadme -check   change nothing; exit code 1 when the README is stale
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	chart := flag.String("chart", "charts/bitcoin-controller", "the chart's `directory`")
	check := flag.Bool("check", false, "change nothing, fail when the README is stale")
	flag.Parse()
	if err := run(*chart, *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(chart string, check bool) error {
	values, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	path := filepath.Join(chart, "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	table, err := Table(values)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(chart, "values.yaml"), err)
	}
	fresh, err := Replace(readme, table)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case bytes.Equal(fresh, readme):
		return nil
	case check:
		return fmt.Errorf("%s is stale: run scripts/generate.sh", path)
	default:
		return os.WriteFile(path, fresh, 0o644)
	}
}
