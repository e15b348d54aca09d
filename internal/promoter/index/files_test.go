package index

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

func TestAnEntryListsItsOtherFiles(t *testing.T) {
	metadata := &chart.Metadata{APIVersion: "v2", Name: "op", Version: "1.0.0", Annotations: map[string]string{"own": "kept", filesAnnotation: `[{"name":"claimed"}]`}}
	e := Entry{Metadata: metadata, URLs: []string{"op-1.0.0.tgz"}, Created: time.Unix(1, 0), Digest: strings.Repeat("a", 64)}
	files := []File{{"b.yaml", strings.Repeat("b", 64), "btcnet"}, {"a.tar.gz", strings.Repeat("c", 64), ""}}
	listed, err := e.WithFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := Add(nil, listed)
	if err != nil {
		t.Fatal(err)
	}
	read, found, err := Lookup(text, "op", "1.0.0")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	if diff := cmp.Diff([]File{files[1], files[0]}, read.Files()); diff != "" || read.Annotations["own"] != "kept" {
		t.Errorf("%s %v", diff, read.Annotations)
	}
	if metadata.Annotations[filesAnnotation] != `[{"name":"claimed"}]` {
		t.Error("the metadata of the caller are changed")
	}
	if none, err := e.WithFiles(nil); err != nil || none.Files() != nil || len(none.Annotations) != 1 {
		t.Errorf("without files: %v %v", none.Annotations, err)
	}
	file := filepath.Join(t.TempDir(), "index.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if helms, err := repo.LoadIndexFile(file); err != nil || len(helms.Entries["op"]) != 1 {
		t.Errorf("Helm reads %+v: %v", helms, err)
	}
}

func TestAnEntryListsFiftyFilesAndNoneThatCannotBe(t *testing.T) {
	var many []File
	for i := range 60 {
		many = append(many, File{Name: fmt.Sprintf("f%02d", i), Digest: strings.Repeat("a", 64)})
	}
	e, err := Entry{}.WithFiles(many)
	if got := e.Files(); err != nil || len(got) != 50 || got[49].Name != "f49" {
		t.Errorf("%d files, %v", len(got), err)
	}
	sum := strings.Repeat("a", 64)
	for name, text := range map[string]string{
		"another directory": `[{"name":"../a","digest":"` + sum + `"}]`,
		"a hidden file":     `[{"name":".a","digest":"` + sum + `"}]`,
		"no digest":         `[{"name":"a","digest":"x"}]`,
		"another type":      `{"name":"a"}`,
		"no JSON":           `- name: a`,
	} {
		if got := (Entry{Metadata: &chart.Metadata{Annotations: map[string]string{filesAnnotation: text}}}).Files(); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	hostile := Entry{Metadata: &chart.Metadata{Annotations: map[string]string{filesAnnotation: `[{"name":"a","digest":"` + sum + `","krew":"x; rm -rf ~"}]`}}}
	if got := hostile.Files(); len(got) != 1 || got[0].Krew != "" {
		t.Errorf("%v", got)
	}
}
