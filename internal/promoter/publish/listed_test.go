package publish

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// fileOf is another file of a build.
func fileOf(name, content string) image.File {
	return image.File{Name: name, Digest: chart.Digest([]byte(content)), Size: int64(len(content)), Content: []byte(content)}
}

// The page is rendered from the index alone, also when another chart is published or a version is yanked and no file is at hand.
func TestTheIndexListsTheOtherFilesOfARelease(t *testing.T) {
	t.Parallel()
	archive := fileOf("tool.tar.gz", "an archive")
	manifest := fileOf("tool.yaml", "apiVersion: krew.googlecontainertools.github.com/v1alpha2\nkind: Plugin\nmetadata:\n  name: tool\n")
	other := fileOf("values.yaml", "apiVersion: v1\nkind: Plugin\n")
	want := []index.File{{Name: archive.Name, Digest: archive.Digest}, {Name: manifest.Name, Digest: manifest.Digest, Krew: "tool"}, {Name: other.Name, Digest: other.Digest}}
	for name, config := range kinds() {
		if strings.HasPrefix(name, "oci") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			target := open(t, cfg)
			first := item(t, "1.0.0")
			first.Files = []image.File{archive, manifest, other}
			publish(t, target, first)
			publish(t, target, first)
			publish(t, target, item(t, "1.1.0"))
			if _, err := target.Yank(t.Context(), "operator", "1.1.0"); err != nil {
				t.Fatal(err)
			}
			entries, err := target.List(t.Context(), "operator")
			if err != nil || len(entries) != 1 {
				t.Fatal(entries, err)
			}
			if diff := cmp.Diff(want, entries[0].Files()); diff != "" {
				t.Error(diff)
			}
			pageMatches(t, checkout(t, cfg))
		})
	}
}
