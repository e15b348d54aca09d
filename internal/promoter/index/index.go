// Package index edits the index.yaml of a chart repository, bytes in, bytes out.
//
// It has parsers of its own, because entries that are not edited must keep every byte, with fields and comments that Helm does not
// know, and because YAML libraries take seconds for an index of ten thousand versions where this package takes a fraction of one.
// Helm's IndexFile drops entries that it finds invalid, and treats versions as constraints, so that it finds 0.8 if only 0.8.1 exists.
package index

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Entry is one version of one chart in an index.
type Entry struct {
	*chart.Metadata
	// URLs are the addresses of the package, absolute or relative to the index.
	URLs []string `json:"urls"`
	// Created is when the version was published.
	Created time.Time `json:"created"`
	// Digest is the SHA-256 of the package, 64 hex digits.
	Digest string `json:"digest,omitempty"`
}

var (
	// ErrCorrupt: the bytes are not the index of a chart repository.
	ErrCorrupt = failure.New(failure.External, "the index is damaged: restore index.yaml from an earlier commit or a backup")
	// ErrNone: the version does not exist.
	ErrNone = failure.New(failure.BadInput, "no such version in the index")
	// ErrBadEntry: a chart could not be installed from the entry.
	ErrBadEntry = failure.New(failure.BadInput, "not a usable entry for an index")
)

// DigestConflictError: the version exists with another content.
type DigestConflictError struct {
	Name, Version, Published, Offered string
}

func (e *DigestConflictError) Error() string {
	return fmt.Sprintf("%s %s is published with digest %.12s and will not be overwritten with %.12s: give the change a new version", e.Name, e.Version, e.Published, e.Offered)
}

// Kind is Rejected.
func (e *DigestConflictError) Kind() failure.Kind { return failure.Rejected }

var (
	digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// Add adds one entry to an index; an empty text becomes a new index. Existing
// entries stay as they are; the versions of a chart are in order, the highest first. If the
// version exists with the same digest, the index is unchanged. Errors:
// *DigestConflictError, ErrCorrupt, ErrBadEntry.
func Add(index []byte, e Entry) (out []byte, changed bool, err error) {
	text, changed, err := Insert(index, e)
	if err != nil {
		return nil, false, err
	}
	return text.Bytes(), changed, nil
}

// Insert is Add whose result shares the bytes of the old index, which must not be changed while it is in use: a copy of a large index
// would be most of the memory of its edit.
func Insert(index []byte, e Entry) (out Text, changed bool, err error) {
	if e, err = validated(e); err != nil {
		return nil, false, err
	}
	f, err := parse(index)
	if err != nil {
		return nil, false, err
	}
	c := f.chart(e.Name)
	found := false
	for _, i := range c.items {
		if i.version != e.Version {
			continue
		}
		if found = true; i.sum() != e.Digest {
			return nil, false, &DigestConflictError{e.Name, e.Version, i.sum(), e.Digest}
		}
	}
	if found {
		return Text{index}, false, nil
	}
	raw, err := f.form.encode(e, c)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrBadEntry, err)
	}
	c.add(newItem(raw, e.Version, e.Digest))
	f.form.touch(e.Created)
	return f.form.print(f.charts), true, nil
}

// validated returns the entry as Helm accepts it. The metadata is a copy: the caller's may be in use elsewhere at the same time.
func validated(e Entry) (Entry, error) {
	if e.Metadata == nil {
		return e, fmt.Errorf("the entry has no chart metadata: %w", ErrBadEntry)
	}
	name, version := e.Name, e.Version
	sanitized, err := chart.Sanitized(e.Metadata)
	if err != nil {
		return e, fmt.Errorf("%w: %w", ErrBadEntry, err)
	}
	e.Metadata = sanitized
	switch {
	case e.Name != name || e.Version != version:
		// Helm removes control characters instead of rejecting them; the entry would be found under another name.
		return e, fmt.Errorf("the name %q or the version %q has unprintable characters: %w", name, version, ErrBadEntry)
	case !namePattern.MatchString(e.Name):
		return e, fmt.Errorf("the chart's name %q has invalid characters: use letters, digits, dots and hyphens: %w", e.Name, ErrBadEntry)
	case !digestPattern.MatchString(e.Digest):
		return e, fmt.Errorf("the digest %q is not 64 hex digits: %w", e.Digest, ErrBadEntry)
	case len(e.URLs) == 0:
		return e, fmt.Errorf("the entry has no address of the package: %w", ErrBadEntry)
	}
	return e, nil
}

// Remove removes one version from an index. Errors: ErrNone, ErrCorrupt.
func Remove(index []byte, name, version string) ([]byte, error) {
	f, err := parse(index)
	if err != nil {
		return nil, err
	}
	c := f.chart(name)
	before := len(c.items)
	c.items = slices.DeleteFunc(c.items, func(i item) bool { return i.version == version })
	if len(c.items) == before {
		return nil, fmt.Errorf("%s %s: %w", name, version, ErrNone)
	}
	return f.form.print(f.charts).Bytes(), nil
}

// Lookup finds a version, compared as a string. An empty index has no versions. Error:
// ErrCorrupt.
func Lookup(index []byte, name, version string) (*Entry, bool, error) {
	return pick(index, name, func(i item) bool { return i.version == version })
}

// Latest finds the highest version of a chart. Prereleases, which include
// development versions, count only if prerelease is true. Error: ErrCorrupt.
func Latest(index []byte, name string, prerelease bool) (*Entry, bool, error) {
	return pick(index, name, func(i item) bool { return i.order.valid && (prerelease || !i.order.pre) })
}

func pick(index []byte, name string, want func(item) bool) (*Entry, bool, error) {
	f, err := parse(index)
	if err != nil {
		return nil, false, err
	}
	items := slices.Clone(f.chart(name).items)
	slices.SortStableFunc(items, newestFirst)
	at := slices.IndexFunc(items, want)
	if at < 0 {
		return nil, false, nil
	}
	e, err := f.form.decode(items[at].raw)
	if err != nil {
		return nil, false, fmt.Errorf("%s %s: %w: %w", name, items[at].version, ErrCorrupt, err)
	}
	return e, true, nil
}

// List returns all entries, charts by name, the versions of each from the highest.
// Error: ErrCorrupt.
func List(index []byte) ([]Entry, error) {
	f, err := parse(index)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, c := range f.charts {
		slices.SortStableFunc(c.items, newestFirst)
		for _, i := range c.items {
			e, err := f.form.decode(i.raw)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w: %w", c.name, i.version, ErrCorrupt, err)
			}
			all = append(all, *e)
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}
