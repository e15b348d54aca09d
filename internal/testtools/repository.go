package testtools

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Repository is a small repository as people have it, with what chart-promoter makes of it: the file case.yaml of a directory, beside
// the files of the repository in source and its history in history.sh.
type Repository struct {
	// Name of the directory, About what kind of repository it is.
	Name  string `json:"-"`
	About string `json:"about"`
	// Init are the arguments of init; IMAGE is replaced by a repository of a registry.
	Init []string `json:"init"`
	// Edit are replacements in the configuration that init wrote, From by To.
	Edit []struct{ From, To string } `json:"edit"`
	// Flags are those that the commands after init need to select the chart.
	Flags []string `json:"flags"`
	// Builds is whether a stage builds an image.
	Builds bool `json:"builds"`
	// Before are texts that the output of commands contains before the release is tagged, by the command.
	Before map[string]string `json:"before"`
	// Tag is the tag of the release.
	Tag string `json:"tag"`
	// Contents are texts that files of the candidate contain, by their paths; IMAGE is replaced.
	Contents map[string][]string `json:"contents"`
	// Published is the chart, and its version, of what promote publishes. AppVersion is that of the chart.
	Published struct{ Chart, Version, AppVersion string } `json:"published"`
	// Tests is the number of tests that verify counts. Default: 2, the installation with each major of Helm.
	Tests int `json:"tests"`
	// Cluster is whether a real cluster installs it, too.
	Cluster bool `json:"cluster"`

	dir string
}

// Repositories reads all repositories below a directory.
func Repositories(t testing.TB, dir string) (list []*Repository) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "case.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no repository in %s: %v", dir, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := &Repository{Tests: 2, dir: filepath.Dir(file), Name: filepath.Base(filepath.Dir(file))}
		if err := yaml.UnmarshalStrict(data, r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, r)
	}
	return list
}

// Create creates the repository in base/source, with its remote base/origin.git and the repositories that init proposes beside it.
func (r *Repository) Create(t testing.TB, base string) (source string) {
	t.Helper()
	source = filepath.Join(base, "source")
	from, err := filepath.Abs(filepath.Join(r.dir, "source"))
	if err != nil {
		t.Fatal(err)
	}
	history, err := filepath.Abs(filepath.Join(r.dir, "history.sh"))
	if err != nil {
		t.Fatal(err)
	}
	r.run(t, base, `
git init -q --bare -b main origin.git
git init -q --bare -b main origin-helm-qa.git
git init -q --bare -b main origin-helm.git
git init -q -b main source
cp -R `+from+`/. source
find source -name gitignore -execdir mv {} .gitignore ';'
git -C source remote add origin "$PWD/origin.git"
cd source
. `+history+`
git push -q --all origin
git push -q --tags origin`)
	return source
}

// Commit commits everything and pushes it.
func (r *Repository) Commit(t testing.TB, source string) {
	t.Helper()
	r.run(t, source, "git add -A\ngit commit -q -m 'feat: a pipeline'\ngit push -q origin HEAD")
}

// Release tags the release and pushes the tag.
func (r *Repository) Release(t testing.TB, source string) {
	t.Helper()
	r.run(t, source, "git tag "+r.Tag+"\ngit push -q --tags origin")
}

// Configure applies Edit to a configuration.
func (r *Repository) Configure(t testing.TB, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, e := range r.Edit {
		if !strings.Contains(text, e.From) {
			t.Fatalf("%s: init wrote no %q:\n%s", r.Name, e.From, text)
		}
		text = strings.Replace(text, e.From, e.To, 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *Repository) run(t testing.TB, dir, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@localhost", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", r.Name, err, out)
	}
}
