package index

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// File is another file of a version, which is published in the directory FilesDir beside its package.
type File struct {
	Name string `json:"name"`
	// Digest is the SHA-256 of the content, 64 hex digits.
	Digest string `json:"digest"`
	// Krew is the name of the plugin of kubectl if the file is its manifest for krew.
	Krew string `json:"krew,omitempty"`
}

const (
	// filesAnnotation has the files of an entry as JSON. Helm rejects an index with a field that it does not know; annotations it leaves alone.
	filesAnnotation = "chart-promoter/files"
	// maxFiles bounds what an entry lists: each client downloads the index.
	maxFiles = 50
)

var (
	fileName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$`)
	pluginName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// FilesDir is the directory of the other files of a version, beside its package.
func FilesDir(name, version string) string { return name + "-" + version + ".files" }

// WithFiles returns the entry with a list of its other files, the first 50 by name. The metadata of the caller are not changed.
func (e Entry) WithFiles(files []File) (Entry, error) {
	metadata := chart.Metadata{}
	if e.Metadata != nil {
		metadata = *e.Metadata
	}
	metadata.Annotations = maps.Clone(metadata.Annotations)
	// A chart cannot claim files that are not published with it.
	delete(metadata.Annotations, filesAnnotation)
	e.Metadata = &metadata
	if len(files) == 0 {
		return e, nil
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.Marshal(files[:min(maxFiles, len(files))])
	if err != nil {
		return e, err
	}
	if metadata.Annotations == nil {
		metadata.Annotations = map[string]string{}
	}
	metadata.Annotations[filesAnnotation] = string(text)
	return e, nil
}

// Files are the other files that the entry lists. One that chart-promoter could not have published is left out: others write an index too.
func (e Entry) Files() []File {
	if e.Metadata == nil {
		return nil
	}
	var files []File
	if json.Unmarshal([]byte(e.Annotations[filesAnnotation]), &files) != nil {
		return nil
	}
	files = slices.DeleteFunc(files, func(f File) bool { return !fileName.MatchString(f.Name) || !digestPattern.MatchString(f.Digest) })
	for i := range files {
		if !pluginName.MatchString(files[i].Krew) {
			files[i].Krew = ""
		}
	}
	return files[:min(maxFiles, len(files))]
}
