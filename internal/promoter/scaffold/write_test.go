package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func TestWriteWritesAllFilesOrNone(t *testing.T) {
	config, ci := File{"ci/pipeline.yaml", "config"}, []File{{".travis.yml", "dev"}, {"ci/travis/qa.yml", "qa"}}
	for name, c := range map[string]struct {
		files map[string]string
		force bool
		want  string // the states, or a part of the error
	}{
		"no file exists":                       {nil, false, "written, written, written"},
		"all exist":                            {map[string]string{"ci/pipeline.yaml": "config", ".travis.yml": "dev", "ci/travis/qa.yml": "qa"}, false, "exists, exists, exists"},
		"one exists":                           {map[string]string{".travis.yml": "dev"}, false, "written, exists, written"},
		"another configuration":                {map[string]string{"ci/pipeline.yaml": "other"}, false, "never replaced"},
		"another configuration, by force":      {map[string]string{"ci/pipeline.yaml": "other"}, true, "never replaced"},
		"another file of CI":                   {map[string]string{"ci/travis/qa.yml": "other"}, false, "ci/travis/qa.yml exists with other content"},
		"another file of CI, by force":         {map[string]string{"ci/travis/qa.yml": "other"}, true, "written, written, replaced"},
		"a directory of that name":             {map[string]string{".travis.yml/x": ""}, true, "is a directory"},
		"a file where a directory has to be":   {map[string]string{"ci": ""}, false, "not a directory"},
		"a link to another file":               {map[string]string{"ci/pipeline.yaml": "->"}, false, "exists with other content"},
		"a file in the way of the second file": {map[string]string{"ci/travis": ""}, false, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, content := range c.files {
				if err := atomicfile.WriteMkdir(filepath.Join(root, path), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
				if content == "->" {
					if err := errors.Join(os.Rename(root+"/"+path, root+"/linked"), os.Symlink(root+"/linked", root+"/"+path)); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := tree(t, root)
			plan, err := Plan(root, config, ci, c.force)
			if err == nil {
				err = Write(root, plan)
			}
			if err != nil {
				if failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v, want %q", err, c.want)
				}
				if after := tree(t, root); after != before {
					t.Errorf("it was\n%s\nand is\n%s", before, after)
				}
				return
			}
			var states []string
			for _, p := range plan {
				states = append(states, string(p.State))
			}
			if got := strings.Join(states, ", "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if got, want := tree(t, root), ".travis.yml dev\nci/pipeline.yaml config\nci/travis/qa.yml qa\n"; got != want {
				t.Errorf("the files are\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Another process creates a file, or blocks a directory, between Plan and Write.
func TestWriteRemovesItsFilesAfterAFailure(t *testing.T) {
	for name, between := range map[string]func(root string) error{
		"the last file is created":     func(root string) error { return atomicfile.WriteMkdir(root+"/b/two", []byte("theirs"), 0o644) },
		"the last directory is a file": func(root string) error { return atomicfile.WriteMkdir(root+"/b", nil, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			plan, err := Plan(root, File{"one", "1"}, []File{{"b/two", "2"}}, false)
			if err == nil {
				err = between(root)
			}
			if err != nil {
				t.Fatal(err)
			}
			before := tree(t, root)
			if err := Write(root, plan); failure.Of(err) != failure.BadInput {
				t.Errorf("%v", err)
			}
			if after := tree(t, root); after != before {
				t.Errorf("it was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

func tree(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all.WriteString(strings.TrimPrefix(path, root+"/") + " " + string(data) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
