package scaffold

import (
	"go/build"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// goPackage finds the program to build: the main package at the top, or below cmd; empty when there is none.
func goPackage(root string, files []string, said string) (string, error) {
	if said == "" && !slices.Contains(files, "go.mod") {
		return "", nil
	}
	// Images are Linux's, whatever this machine is.
	linux := build.Default
	linux.GOOS = "linux"
	var found []string
	for _, file := range files {
		dir := path.Dir(file)
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || hidden(file) || slices.Contains(found, dir) {
			continue
		}
		if said == "" && dir != "." && path.Dir(dir) != "cmd" {
			continue
		}
		// What is left out by a build constraint, as a generator is, makes no program.
		p, err := linux.ImportDir(filepath.Join(root, dir), 0)
		if err == nil && p.IsCommand() {
			found = append(found, dir)
		}
	}
	slices.Sort(found)
	if said == "" && len(found) == 0 {
		return "", nil
	}
	dir, err := choose("Go main package", "--package", found, said)
	if err != nil || dir == "." {
		return dir, err
	}
	return "./" + dir, nil
}
