package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// folder is a chart repository as files: packages, what belongs to them, and
// index.yaml. It is the whole of a directory target and the work tree of a git
// target. Whoever changes it is alone with it.
type folder struct {
	dir, url string
	page     *Page                                   // the landing page, nil for none
	write    func(file string, content []byte) error // nil is writeFile
}

const indexFile = "index.yaml"

// recordsFile holds a package's envelopes, one a line, under the name that
// in-toto gives to such files.
func recordsFile(name, version string) string { return name + "-" + version + ".intoto.jsonl" }

// publish writes the package before the index names it: whoever is stopped in
// between leaves a package that nobody sees, and the next run goes on from there.
func (f folder) publish(item Item) (Result, error) {
	p := item.Package
	if err := item.check(); err != nil {
		return Result{}, err
	}
	old, err := f.read(indexFile)
	if err != nil {
		return Result{}, err
	}
	e := index.Entry{Metadata: p.Metadata, URLs: []string{f.location(p.Filename())}, Created: item.created(), Digest: p.Digest}
	fresh, isNew, err := index.Add(old, e)
	if err != nil {
		return Result{}, err
	}
	archive, err := f.read(p.Filename())
	if err != nil {
		return Result{}, err
	}
	// An archive that no index names: left by somebody who was stopped, or of a
	// version that was yanked. Only the same content may take its place.
	if isNew && archive != nil && chart.Digest(archive) != p.Digest {
		return Result{}, &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: chart.Digest(archive), Offered: p.Digest}
	}
	records, err := f.merge(p.Name, p.Version, item.Records)
	if err != nil {
		return Result{}, err
	}
	provenance := item.Provenance
	if there, err := f.read(p.Filename() + ".prov"); err != nil {
		return Result{}, err
	} else if there != nil {
		provenance = nil
	}
	landing, kept, err := f.landing(fresh)
	if err != nil {
		return Result{}, err
	}
	if item.DryRun {
		f.write = func(string, []byte) error { return nil }
	}
	changed, err := f.writeAll([]file{
		{p.Filename(), p.Bytes}, {p.Filename() + ".prov", provenance}, {recordsFile(p.Name, p.Version), records}, {indexFile, fresh}, landing,
	})
	return Result{Changed: changed, Location: e.URLs[0], PageKept: kept}, err
}

type file struct {
	name    string
	content []byte // nil to leave it
}

// writeAll writes what differs from what is there, in this order.
func (f folder) writeAll(files []file) (changed bool, err error) {
	write := f.write
	if write == nil {
		write = writeFile
	}
	for _, file := range files {
		if file.name == "" {
			continue
		}
		there, err := f.read(file.name)
		if err != nil {
			return changed, err
		}
		if file.content == nil || there != nil && bytes.Equal(there, file.content) {
			continue
		}
		if err := write(filepath.Join(f.dir, file.name), file.content); err != nil {
			return changed, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		changed = true
	}
	return changed, nil
}

// read gives nil for a file that is not there. A name made of what somebody
// typed must not lead out of the directory; everything that is written is read first.
func (f folder) read(name string) ([]byte, error) {
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("%q is not the name of a chart and a version: %w", name, ErrConfig)
	}
	file := filepath.Join(f.dir, name)
	// A link that somebody pushed would have a file of this machine published, and a pipe is never read to its end.
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is a link, a directory or a pipe and no file, take it away there: %w", name, ErrUnusable)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return content, nil
}

func (f folder) location(file string) string {
	if f.url == "" {
		return file
	}
	return strings.TrimSuffix(f.url, "/") + "/" + file
}

// find is the index's entry for a version. Error: ErrNone.
func (f folder) find(name, version string) (*index.Entry, error) {
	text, err := f.read(indexFile)
	if err != nil {
		return nil, err
	}
	e, found, err := index.Lookup(text, name, version)
	if err == nil && !found {
		err = fmt.Errorf("%s %s: %w", name, version, ErrNone)
	}
	return e, err
}

func (f folder) latest(name string) (*index.Entry, error) {
	text, err := f.read(indexFile)
	if err != nil {
		return nil, err
	}
	e, found, err := index.Latest(text, name, false)
	if err == nil && !found {
		err = fmt.Errorf("no release of %s: %w", name, ErrNone)
	}
	return e, err
}

// archiveFile is the name of the file that an entry leads to; the address
// before it does not matter here, and must not lead out of the directory.
func archiveFile(e *index.Entry) string {
	name := ""
	if len(e.URLs) > 0 {
		name = path.Base(e.URLs[0])
	}
	if name == "" || name == "." || name == "/" || name == ".." {
		return e.Name + "-" + e.Version + ".tgz"
	}
	return name
}

// archive is the package of an entry. Error: ErrArchiveMissing.
func (f folder) archive(e *index.Entry) ([]byte, error) {
	pkg, err := f.read(archiveFile(e))
	if err != nil {
		return nil, err
	}
	if pkg == nil || e.Digest != "" && chart.Digest(pkg) != strings.TrimPrefix(e.Digest, "sha256:") {
		return nil, fmt.Errorf("%s %s: %w", e.Name, e.Version, ErrArchiveMissing)
	}
	return pkg, nil
}

func (f folder) records(name, version string) ([][]byte, error) {
	text, err := f.read(recordsFile(name, version))
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			all = append(all, line)
		}
	}
	return all, nil
}

func (f folder) recordsOf(name string, versions []string) (map[string][][]byte, error) {
	all := map[string][][]byte{}
	for _, v := range versions {
		var err error
		if all[v], err = f.records(name, v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// merge gives the records file with more envelopes in it, nil if it has them all.
func (f folder) merge(name, version string, more [][]byte) ([]byte, error) {
	all, err := f.records(name, version)
	if err != nil {
		return nil, err
	}
	for i, line := range all {
		if !json.Valid(line) {
			return nil, fmt.Errorf("record %d in %s is no JSON, mend or remove its line: %w", i+1, recordsFile(name, version), ErrUnusable)
		}
	}
	changed := false
	for _, envelope := range more {
		var line bytes.Buffer
		if err := json.Compact(&line, envelope); err != nil {
			return nil, fmt.Errorf("a record of %s %s is no JSON: %w", name, version, err)
		}
		if !slices.ContainsFunc(all, func(r []byte) bool { return bytes.Equal(r, line.Bytes()) }) {
			all, changed = append(all, line.Bytes()), true
		}
	}
	if !changed {
		return nil, nil
	}
	return append(bytes.Join(all, []byte("\n")), '\n'), nil
}

func (f folder) addRecord(name, version string, envelope []byte) (Result, error) {
	e, err := f.find(name, version)
	if err != nil {
		return Result{}, err
	}
	records, err := f.merge(name, version, [][]byte{envelope})
	if err != nil {
		return Result{}, err
	}
	changed, err := f.writeAll([]file{{recordsFile(name, version), records}})
	return Result{Changed: changed, Location: f.location(archiveFile(e))}, err
}

func (f folder) yank(name, version string) (Result, error) {
	e, err := f.find(name, version)
	if err != nil {
		return Result{}, err
	}
	text, err := f.read(indexFile)
	if err != nil {
		return Result{}, err
	}
	left, err := index.Remove(text, name, version)
	if err != nil {
		return Result{}, err
	}
	landing, kept, err := f.landing(left)
	if err != nil {
		return Result{}, err
	}
	changed, err := f.writeAll([]file{{indexFile, left}, landing})
	return Result{Changed: changed, Location: f.location(archiveFile(e)), PageKept: kept}, err
}

func (f folder) list(names []string) ([]index.Entry, error) {
	text, err := f.read(indexFile)
	if err != nil {
		return nil, err
	}
	all, err := index.List(text)
	if len(names) > 0 {
		all = slices.DeleteFunc(all, func(e index.Entry) bool { return !slices.Contains(names, e.Name) })
	}
	return all, err
}
