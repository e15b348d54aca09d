package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"
)

// located is a file of a package.
type located struct{ pkg, path string }

// loader finds the libraries that programs load, as ld.so does, in packages that are not installed.
type loader struct {
	packages map[string]*deb
	// found maps the path of a library in the image to its place.
	found map[string]located
}

// load finds what a program or library needs, and what that needs.
func (l *loader) load(name string, content []byte) error {
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("%s is no program for Linux: %w", name, err)
	}
	defer f.Close()
	if interpreter := interpreterOf(f); interpreter != "" {
		// Its path is in the program, and the package has it below usr/.
		if err := l.add(interpreter, []string{interpreter, "usr/" + interpreter}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	directory := "usr/lib/" + triplets[f.Machine]
	for _, library := range libraries {
		// The interpreter is a library too, and is loaded from its own path only.
		if l.hasBase(library) {
			continue
		}
		target := directory + "/" + library
		if err := l.add(target, []string{target, "usr/lib/" + library, strings.TrimPrefix(target, "usr/")}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// triplets are the directories of libraries.
var triplets = map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu"}

func (l *loader) hasBase(library string) bool {
	for target := range l.found {
		if path.Base(target) == library {
			return true
		}
	}
	return false
}

// add finds a library at one of several paths, and what it needs.
func (l *loader) add(target string, paths []string) error {
	if _, ok := l.found[target]; ok {
		return nil
	}
	for pkg, d := range l.packages {
		i := slices.IndexFunc(paths, func(p string) bool { _, ok := d.file(p); return ok })
		if i < 0 {
			continue
		}
		l.found[target] = located{pkg, paths[i]}
		f, _ := d.file(paths[i])
		return l.load(target, f.content)
	}
	return fmt.Errorf("the library %s is in no package that %s depends on", path.Base(target), program)
}

// interpreterOf is the path of the program's ld.so, without the slash; "" for a library.
func interpreterOf(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		text := make([]byte, p.Filesz)
		if _, err := p.ReadAt(text, 0); err != nil {
			return ""
		}
		return strings.TrimPrefix(strings.TrimRight(string(text), "\x00"), "/")
	}
	return ""
}
