package scaffold

import (
	"go/build"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// goPackage finds the program to build: the main package at the top, or below cmd; empty when there is none.
func goPackage(root string, files []string, chosen string) (string, error) {
	if chosen == "" && !slices.Contains(files, "go.mod") {
		return "", nil
	}
	// Images are for Linux, whatever this machine runs.
	linux := build.Default
	linux.GOOS = "linux"
	var found []string
	for _, file := range files {
		dir := path.Dir(file)
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || hidden(file) || slices.Contains(found, dir) {
			continue
		}
		if chosen == "" && dir != "." && path.Dir(dir) != "cmd" {
			continue
		}
		// A file that a build constraint excludes, such as a generator, is no program.
		p, err := linux.ImportDir(filepath.Join(root, dir), 0)
		if err == nil && p.IsCommand() {
			found = append(found, dir)
		}
	}
	slices.Sort(found)
	if chosen == "" && len(found) == 0 {
		return "", nil
	}
	dir, err := choose("Go main package", "--package", found, chosen)
	if err != nil || dir == "." {
		return dir, err
	}
	return "./" + dir, nil
}
