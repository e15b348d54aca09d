package image

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

type entry struct {
	name string
	dir  bool
}

// entries lists the files and every directory above them, parents first.
func entries(files map[string][]byte) []entry {
	seen := map[string]bool{}
	var list []entry
	for name := range files {
		list = append(list, entry{name: name})
		for d := path.Dir(name); d != "." && d != "/" && !seen[d]; d = path.Dir(d) {
			seen[d] = true
			list = append(list, entry{name: d, dir: true})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list
}

func opener(content []byte) tarball.Opener {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}
