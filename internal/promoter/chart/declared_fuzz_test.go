package chart

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// hostileYAML is content of files of a chart that anyone may have written.
var hostileYAML = map[string]string{
	"an anchor that grows":      bomb(9),
	"deep lists":                "dependencies: " + strings.Repeat("[", 20000),
	"deep mappings":             "dependencies: " + strings.Repeat("{a: ", 20000),
	"an alias of itself":        "dependencies: &a [*a]\n",
	"a name that is a path":     "dependencies: [{name: ../../x, version: 1.0.0, repository: https://example.com}]\n",
	"a name that is absolute":   "dependencies: [{name: /etc/passwd, version: 1.0.0, repository: https://example.com}]\n",
	"a name like an option":     "dependencies: [{name: --debug, version: 1.0.0, repository: https://example.com}]\n",
	"a version that is a path":  "dependencies: [{name: sub, version: ../../x, repository: https://example.com}]\n",
	"an address like an option": "dependencies: [{name: sub, version: 1.0.0, repository: --upload-pack=touch}]\n",
	"a list of nothing":         "dependencies: [~, ~]\n",
	"a mapping for the list":    "dependencies: {name: sub}\n",
	"a number for the list":     "dependencies: 7\n",
	"no text":                   "\x00\xff\xfe",
	"a tag of another language": "dependencies: !!python/object/apply:os.system [true]\n",
	"a key twice":               "dependencies: []\ndependencies: [{name: a}]\n",
	"a very long line":          "dependencies: [{name: " + strings.Repeat("a", 1<<20) + ", version: 1.0.0}]\n",
	"a constraint that is huge": "dependencies: [{name: a, version: \"" + strings.Repeat(">=1 || ", 20000) + "\"}]\n",
}

// bomb is a document whose aliases would be 10 to the power of n entries.
func bomb(n int) string {
	text := "a0: &a0 {name: a, version: 1.0.0}\n"
	for i := range n {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return text + fmt.Sprintf("dependencies: *a%d\n", n)
}

// declare reads a file as that of a chart, beside a Chart.yaml that declares something.
func declare(name, content string) (*Declared, error) {
	return ReadDeclared(func(file string) []byte {
		switch file {
		case name:
			return []byte(content)
		case "Chart.yaml":
			return []byte("dependencies: [{name: sub, version: ^1.0.0, repository: https://example.com}]\n")
		}
		return nil
	})
}

func checkDeclared(t *testing.T, name, content string) {
	t.Helper()
	d, err := declare(name, content)
	if err != nil {
		if !errors.Is(err, ErrNoChart) || !strings.Contains(err.Error(), name) || len(err.Error()) > 4096 {
			t.Errorf("%s: the error is not one of the file: %.500v", name, err)
		}
		return
	}
	for _, dep := range append(append([]*Dependency{}, d.Required...), d.Locked...) {
		if dep == nil || dep.Name == "" {
			t.Fatalf("%s: a dependency without a name", name)
		}
		if l := d.LockedFor(dep); l != nil && (l.Name != dep.Name || !Accepts(dep.Version, l.Version)) {
			t.Errorf("%s: %s %s is locked as %s %s", name, dep.Name, dep.Version, l.Name, l.Version)
		}
	}
	if err := d.Check([]Subchart{{"sub", "1.2.3"}}); err != nil && !errors.Is(err, ErrMissingDependency) && !errors.Is(err, ErrWrongDependency) {
		t.Errorf("%s: %v", name, err)
	}
}

// One that takes too long ends with the time limit of the tests.
func TestHostileDependenciesAreReadOrRejected(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"Chart.yaml", "Chart.lock", "requirements.yaml", "requirements.lock"} {
		for name, content := range hostileYAML {
			t.Run(file+"/"+name, func(t *testing.T) {
				t.Parallel()
				checkDeclared(t, file, content)
			})
		}
	}
}

func FuzzReadDeclared(f *testing.F) {
	for _, content := range hostileYAML {
		if len(content) < 10000 {
			f.Add(content)
		}
	}
	f.Add("dependencies:\n- name: sub\n  repository: https://example.com\n  version: 1.2.3\ndigest: sha256:00\ngenerated: \"2026-01-01T00:00:00Z\"\n")
	f.Add("dependencies: [{name: sub, version: v1.2.3+up1, repository: '@named'}, {name: sub, version: 2.0.0, alias: other}]\n")
	f.Fuzz(func(t *testing.T, content string) {
		for _, file := range []string{"Chart.yaml", "Chart.lock", "requirements.lock"} {
			checkDeclared(t, file, content)
		}
	})
}
