// Command page writes docs/performance.md and its pictures from the results of the benches, which scripts/bench.sh keeps in
// test/bench/results. What it writes depends on these files alone.
//
//	go run -C test ./bench/page bench/results ../docs
//
// gonum.org/v1/plot draws the pictures: axes, ticks and legends are its trade, its SVG is the same each time, and only this module has its
// modules. picture.go adds what it leaves out: a title for screen readers, and fonts that exist everywhere.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: page RESULTS DOCS")
		os.Exit(1)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

// write writes the page into the directory docs. A picture without results is removed.
func write(results, docs string) error {
	r, err := read(results)
	if err != nil {
		return err
	}
	text, err := render(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(docs, "performance.md"), text, 0o644); err != nil {
		return err
	}
	for _, p := range pictures {
		path := filepath.Join(docs, "pictures", p.name+".svg")
		svg, err := p.svg(r)
		switch {
		case err != nil:
			return fmt.Errorf("draw %s: %w", path, err)
		case svg == nil:
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		default:
			if err := os.WriteFile(path, svg, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// read parses all results of a directory.
func read(dir string) (*results, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tsv"))
	if err != nil {
		return nil, err
	}
	r := newResults()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := r.parse(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return r, nil
}
