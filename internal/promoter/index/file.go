package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// file is a parsed index, in parts that can be added and removed.
type file struct {
	form   form
	charts []*chartEntries
}

// form is the format of an index: plain YAML or JSON.
type form interface {
	// encode writes an entry in the form of its chart's other entries.
	encode(e Entry, c *chartEntries) ([]byte, error)
	decode(raw []byte) (*Entry, error)
	// touch moves the index's own time forward.
	touch(t time.Time)
	print(charts []*chartEntries) Text
}

// chartEntries are the versions of one chart.
type chartEntries struct {
	name  string
	items []item // as they stand in the file
	// wasEmpty means that the file has the chart without any version.
	wasEmpty bool
	head     []byte // YAML only: the text before the first version
	dash     int    // YAML only: the column of the versions' hyphens
}

// item is one version of a chart, its bytes and what is needed to find it.
type item struct {
	raw             []byte
	version, digest string
	order           order
}

func newItem(raw []byte, version, digest string) item {
	return item{raw, version, digest, newOrder(version)}
}

// sum is the digest in hex digits, without the name of the algorithm.
func (i item) sum() string { return strings.ToLower(strings.TrimPrefix(i.digest, "sha256:")) }

func newestFirst(a, b item) int { return b.order.compare(a.order) }

// add adds a version before those of the same order, and sorts the others if they are not.
func (c *chartEntries) add(i item) {
	at, sorted := 0, slices.IsSortedFunc(c.items, newestFirst)
	if sorted {
		at, _ = slices.BinarySearchFunc(c.items, i, newestFirst)
	}
	c.items = slices.Insert(c.items, at, i)
	if !sorted {
		slices.SortStableFunc(c.items, newestFirst)
	}
}

// chart finds a chart, or inserts it in the order of names.
func (f *file) chart(name string) *chartEntries {
	for _, c := range f.charts {
		if c.name == name {
			return c
		}
	}
	c := &chartEntries{name: name}
	at := len(f.charts)
	for i, other := range f.charts {
		if other.name > name {
			at = i
			break
		}
	}
	f.charts = slices.Insert(f.charts, at, c)
	return c
}

const empty = "apiVersion: v1\nentries:\ngenerated: \"0001-01-01T00:00:00Z\"\n"

// parse reads an index. A YAML parser is too slow for files of ten thousand versions, so
// the usual form, indented blocks as Helm writes them, is read line by
// line; any other form is first converted to it by the YAML parser.
func parse(index []byte) (*file, error) {
	if len(bytes.TrimSpace(index)) == 0 {
		index = []byte(empty)
	}
	if json.Valid(index) {
		return parseJSON(index)
	}
	f, err := parseBlock(index)
	if errors.Is(err, errNotPlain) {
		return normalise(index)
	}
	return f, err
}
