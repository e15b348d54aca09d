package candidate

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// syncChart replaces the chart in target by the one in source, a directory below top. A link that leads out of the chart, to other files
// of its commit, becomes a copy of them. Where the chart shares the root of its repository with other files (CI, README), only
// directories that the chart itself has are cleared.
func syncChart(source, top string, root *os.Root, target string) error {
	if _, err := os.Stat(filepath.Join(source, "Chart.yaml")); err != nil {
		return fmt.Errorf("%w: the commit has no Chart.yaml in chart.path: %w", chart.ErrNoChart, err)
	}
	var err error
	for _, path := range []*string{&source, &top} { // to compare them with the targets of links
		if *path, err = filepath.EvalSymlinks(*path); err != nil {
			return fmt.Errorf("%w: %w", chart.ErrNoChart, err)
		}
	}
	if err := clearChart(source, root, target); err != nil {
		return err
	}
	c := copier{top: top, within: source, root: root}
	return c.directory(source, target, nil)
}

// copier copies the files of a chart.
type copier struct {
	top, within string
	root        *os.Root
}

// directory copies a directory; parents are the directories that it is in, through links too.
func (c copier) directory(from, to string, parents []string) error {
	if slices.Contains(parents, from) {
		return fmt.Errorf("the link %s leads to a directory that it is in; replace it with the files: %w", to, chart.ErrUnsafe)
	}
	if err := c.root.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, d := range entries {
		if err := c.entry(filepath.Join(from, d.Name()), filepath.Join(to, d.Name()), append(slices.Clone(parents), from)); err != nil {
			return err
		}
	}
	return nil
}

func (c copier) entry(from, to string, parents []string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		at, err := filepath.EvalSymlinks(from)
		if err == nil && within(c.top, at) && (!within(c.within, at) || !within(c.within, from)) {
			return c.entry(at, to, parents)
		}
	}
	if info.IsDir() {
		return c.directory(from, to, parents)
	}
	return copyEntry(from, c.root, to, info)
}

func clearChart(source string, root *os.Root, target string) error {
	clear := []string{target}
	if target == "." {
		entries, err := os.ReadDir(source)
		if err != nil {
			return err
		}
		clear = []string{"charts"} // also when it holds only what an earlier candidate was built with
		for _, e := range entries {
			if e.IsDir() {
				clear = append(clear, e.Name())
			}
		}
	}
	for _, c := range clear {
		if err := root.RemoveAll(c); err != nil {
			return fmt.Errorf("replace the chart: %w", err)
		}
	}
	return nil
}

func copyEntry(from string, root *os.Root, to string, info fs.FileInfo) error {
	// An existing link would be written through.
	if err := root.RemoveAll(to); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return root.Symlink(link, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return root.WriteFile(to, data, info.Mode().Perm())
}
