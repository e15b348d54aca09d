// Command weblib writes the library that the live page uses, internal/plugin/page/web/lib, from its npm package. Without an argument it writes
// the pinned version again and fails if the package is another one; with a version it pins that one.
//
//	go run ./ci/weblib [VERSION]
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

const directory = "internal/plugin/page/web/lib"

// library is library.json.
type library struct {
	Package   string            `json:"package"`
	Version   string            `json:"version"`
	License   string            `json:"license"`
	Integrity string            `json:"integrity"`
	Files     map[string]string `json:"files"`
}

func main() {
	if err := run(directory, os.Args[1:], pack); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run writes the files of a package; get returns the archive of a version.
func run(directory string, args []string, get func(pkg, version string) ([]byte, error)) error {
	file := filepath.Join(directory, "library.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var pinned library
	if err := json.Unmarshal(text, &pinned); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	update := len(args) > 0
	if update {
		pinned.Version = args[0]
	}
	archive, err := get(pinned.Package, pinned.Version)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(archive)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); update {
		pinned.Integrity = got
	} else if got != pinned.Integrity {
		return fmt.Errorf("%s %s is another package than the pinned one: its digest is %s, pinned is %s", pinned.Package, pinned.Version, got, pinned.Integrity)
	}
	files, err := unpack(archive, pinned.Files)
	if err != nil {
		return err
	}
	for name, content := range files {
		sum := sha256.Sum256(content)
		if got := hex.EncodeToString(sum[:]); update {
			pinned.Files[name] = got
		} else if got != pinned.Files[name] {
			return fmt.Errorf("%s of %s has the digest %s, pinned is %s", name, pinned.Package, got, pinned.Files[name])
		}
		if err := os.WriteFile(filepath.Join(directory, path.Base(name)), content, 0o644); err != nil { //nolint:gosec // part of the source
			return err
		}
	}
	text, err = json.MarshalIndent(pinned, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // part of the source
}

// pack gets a package with npm, whose configuration decides from where.
func pack(pkg, version string) ([]byte, error) {
	work, err := os.MkdirTemp("", "weblib-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work) //nolint:errcheck // in the directory for temporary files
	command := exec.Command("npm", "pack", "--silent", "--ignore-scripts", pkg+"@"+version)
	command.Dir, command.Stderr = work, os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("npm pack %s@%s: %w", pkg, version, err)
	}
	return os.ReadFile(filepath.Join(work, filepath.Base(strings.TrimSpace(string(out)))))
}

// maxFile is larger than any library of a page.
const maxFile = 8 << 20

// unpack returns the named files of a package.
func unpack(archive []byte, wanted map[string]string) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean(header.Name), "package/")
		if _, is := wanted[name]; !is {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(reader, maxFile+1))
		if err != nil {
			return nil, err
		}
		if len(content) > maxFile {
			return nil, fmt.Errorf("%s has more than %d bytes", name, maxFile)
		}
		files[name] = content
	}
	for name := range wanted {
		if files[name] == nil {
			return nil, fmt.Errorf("the package has no file %s", name)
		}
	}
	return files, nil
}
