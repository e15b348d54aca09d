package candidate

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// syncChart replaces the chart in target by the one in source. Where the chart shares the root of its repository with other files (CI,
// README), only directories that the chart itself has are cleared.
func syncChart(source string, root *os.Root, target string) error {
	if _, err := os.Stat(filepath.Join(source, "Chart.yaml")); err != nil {
		return fmt.Errorf("%w: the commit has no Chart.yaml in chart.path: %w", chart.ErrNoChart, err)
	}
	if err := clearChart(source, root, target); err != nil {
		return err
	}
	return filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return copyEntry(path, root, filepath.Join(target, rel), d)
	})
}

func clearChart(source string, root *os.Root, target string) error {
	clear := []string{target}
	if target == "." {
		entries, err := os.ReadDir(source)
		if err != nil {
			return err
		}
		clear = nil
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

func copyEntry(from string, root *os.Root, to string, d fs.DirEntry) error {
	if d.IsDir() {
		return root.MkdirAll(to, 0o755)
	}
	// An existing link would be written through.
	if err := root.RemoveAll(to); err != nil {
		return err
	}
	if d.Type()&fs.ModeSymlink != 0 {
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
	info, err := d.Info()
	if err != nil {
		return err
	}
	return root.WriteFile(to, data, info.Mode().Perm())
}
