package publish

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// folder is a chart repository as files: packages with their provenance and attestations, and
// index.yaml. It is a directory target, or the work tree of a git target. The caller
// makes sure that no other process changes it.
type folder struct {
	dir, url string
	// newBranch is the branch of the work tree if it has no commit yet.
	newBranch string
	// journal notes which archives no index names yet, where a run can be interrupted between them.
	journal bool
	page    *Page                                      // the landing page, nil for none
	write   func(file string, content ...[]byte) error // nil is writeFile
}

const indexFile = "index.yaml"

// attestationsFile holds the envelopes of a package, one per line. The name is in-toto's convention.
func attestationsFile(name, version string) string { return name + "-" + version + ".intoto.jsonl" }

// publish writes the package before the index that names it: a run that stops in
// between leaves a package that no index names, and the next run continues from there.
func (f folder) publish(item Item) (Result, error) {
	p := item.Package
	if err := item.check(); err != nil {
		return Result{}, err
	}
	old, err := f.read(indexFile)
	if err != nil {
		return Result{}, err
	}
	e, err := index.Entry{Metadata: p.Metadata, URLs: []string{f.location(p.Filename())}, Created: item.created(), Digest: p.Digest}.WithFiles(listed(item.Files))
	if err != nil {
		return Result{}, err
	}
	fresh, isNew, err := index.Insert(old, e)
	if err != nil {
		return Result{}, err
	}
	archive, err := f.read(p.Filename())
	if err != nil {
		return Result{}, err
	}
	if isNew {
		if err := f.admit(item, archive); err != nil {
			return Result{}, err
		}
	}
	attestations, err := f.merge(p.Name, p.Version, item.Attestations)
	if err != nil {
		return Result{}, err
	}
	provenance := item.Provenance
	if old, err := f.read(p.Filename() + ".prov"); err != nil {
		return Result{}, err
	} else if old != nil {
		provenance = nil
	}
	landing, kept, err := f.landing(fresh)
	if err != nil {
		return Result{}, err
	}
	if item.DryRun {
		f.write = func(string, ...[]byte) error { return nil }
	}
	filesChanged, err := f.publishFiles(item)
	if err != nil {
		return Result{}, err
	}
	changed, err := f.writeAll([]file{
		one(p.Filename(), p.Bytes), one(p.Filename()+".prov", provenance), one(attestationsFile(p.Name, p.Version), attestations), {indexFile, fresh}, landing,
	})
	if err == nil && f.journal && !item.DryRun {
		err = f.remove(unlisted(p.Filename()))
	}
	return Result{Changed: changed || filesChanged, Location: e.URLs[0], PageKept: kept, NewBranch: f.newBranch}, err
}

func (f folder) location(file string) string {
	if f.url == "" {
		return file
	}
	return strings.TrimSuffix(f.url, "/") + "/" + file
}

// find returns the index entry of a version. Error: ErrNone.
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

// archiveFile is the name of the file that an entry refers to. The rest of its address
// is ignored, so that it cannot lead out of the directory.
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

// archive returns the package of an entry. Error: ErrArchiveMissing.
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

func (f folder) attestations(name, version string) ([][]byte, error) {
	text, err := f.read(attestationsFile(name, version))
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

func (f folder) attestationsOf(versions map[string][]string) (map[string]map[string][][]byte, error) {
	all := map[string]map[string][][]byte{}
	for name, list := range versions {
		all[name] = map[string][][]byte{}
		for _, v := range list {
			var err error
			if all[name][v], err = f.attestations(name, v); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// merge returns the attestations file with more envelopes added, nil if it has all of them.
func (f folder) merge(name, version string, more [][]byte) ([]byte, error) {
	all, err := f.attestations(name, version)
	if err != nil {
		return nil, err
	}
	for i, line := range all {
		if !json.Valid(line) {
			return nil, fmt.Errorf("attestation %d in %s is not JSON; repair or remove its line: %w", i+1, attestationsFile(name, version), ErrUnusable)
		}
	}
	changed := false
	for _, envelope := range more {
		var line bytes.Buffer
		if err := json.Compact(&line, envelope); err != nil {
			return nil, fmt.Errorf("an attestation of %s %s is not JSON: %w", name, version, err)
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

func (f folder) addAttestation(name, version string, envelope []byte) (Result, error) {
	e, err := f.find(name, version)
	if err != nil {
		return Result{}, err
	}
	attestations, err := f.merge(name, version, [][]byte{envelope})
	if err != nil {
		return Result{}, err
	}
	changed, err := f.writeAll([]file{one(attestationsFile(name, version), attestations)})
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
	landing, kept, err := f.landing(index.Text{left})
	if err != nil {
		return Result{}, err
	}
	// From now on the archive would be taken for that of an interrupted run.
	if err := f.remove(unlisted(archiveFile(e))); err != nil {
		return Result{}, err
	}
	changed, err := f.writeAll([]file{one(indexFile, left), landing})
	return Result{Changed: changed, Location: f.location(archiveFile(e)), PageKept: kept}, err
}

// list returns at most limit entries when that is positive.
func (f folder) list(limit int, names []string) ([]index.Entry, error) {
	text, err := f.read(indexFile)
	if err != nil {
		return nil, err
	}
	all, err := index.List(text)
	if len(names) > 0 {
		all = slices.DeleteFunc(all, func(e index.Entry) bool { return !slices.Contains(names, e.Name) })
	}
	if limit > 0 {
		count := map[string]int{}
		all = slices.DeleteFunc(all, func(e index.Entry) bool { count[e.Name]++; return count[e.Name] > limit })
	}
	return all, err
}
