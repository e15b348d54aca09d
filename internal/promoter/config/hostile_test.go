package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// aliases is a mapping at the key x, whose aliases would be 10 to the power of n texts.
func aliases(n int) string {
	text := "x0: &a0 [a]\n"
	for i := range n {
		text += fmt.Sprintf("x%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return text
}

// A file that takes too long ends with the time limit of the tests.
func TestAHostileConfigurationIsRejected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to string }{
		"aliases that grow":              {"name: hello\n", "name: hello\n" + aliases(9)},
		"an alias of itself":             {"stages:\n", "stages: &s\n  - *s\n"},
		"aliases in the values":          {"    verify: {}\n", "    verify: {install: {values: {" + strings.ReplaceAll(strings.TrimSpace(aliases(9)), "\n", ", ") + "}}}\n"},
		"deep lists":                     {"    verify: {}\n", "    verify: {install: {values: {x: " + strings.Repeat("[", 20000) + "}}}\n"},
		"no text":                        {"name: hello\n", "name: \"\x00\"\n"},
		"a chart above the repository":   {"path: charts/hello", "path: ../charts/hello"},
		"a chart at an absolute path":    {"path: charts/hello", "path: /etc"},
		"the files of git as the chart":  {"path: charts/hello", "path: .git/hooks"},
		"a candidate above its branch":   {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, path: a/../../b}"},
		"a candidate at the root of all": {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, path: /}"},
		"a candidate in files of git":    {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, path: x/.GIT}"},
		"a folder above its branch":      {"publish: {git: /prod.git}", "publish: {git: /prod.git, path: ..}"},
		"a folder in files of git":       {"publish: {git: /prod.git}", "publish: {git: /prod.git, path: .git}"},
		"a field in a file above":        {"path: charts/hello", "path: charts/hello, scalars: {../../x.yaml: {version: chartVersion}}"},
		"a field in an absolute file":    {"path: charts/hello", "path: charts/hello, scalars: {/etc/x.yaml: {version: chartVersion}}"},
		"a Dockerfile above":             {"package: ./cmd/hello", "dockerfile: ../Dockerfile"},
		"values above the chart":         {"    verify: {}\n", "    verify: {install: {valuesFiles: [../../*.yaml]}}\n"},
		"a branch prefix with options":   {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, pullRequest: {prefix: --upload-pack=x/}}"},
		"a branch prefix that goes up":   {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, pullRequest: {prefix: a/../b/}}"},
		"an API without TLS":             {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, pullRequest: {api: 'http://example.com'}}"},
		"an API with a user":             {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, pullRequest: {api: 'https://u:p@example.com'}}"},
		"an API that is a file":          {"candidate: {git: /qa.git}", "candidate: {git: /qa.git, pullRequest: {api: 'file:///etc'}}"},
		"a tag prefix with options":      {"name: hello\n", "name: hello\nversion: {tagPrefix: --exec=x-}\n"},
		"a name that is a path":          {"name: hello\n", "name: ../hello\n"},
		"a stage that is a path":         {"name: pre-prod", "name: ../pre-prod"},
		"a huge name":                    {"name: hello\n", "name: " + strings.Repeat("a", 1<<20) + "\n"},
		"a tool with options":            {"stages:\n", "ci: {tool: '-exec=touch x'}\nstages:\n"},
		"a variable of CI with a script": {"stages:\n", "ci: {env: {A: '$(touch x)'}}\nstages:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(shortYAML, c.from) {
				t.Fatalf("the file has no %q", c.from)
			}
			if _, err := Parse([]byte(strings.Replace(shortYAML, c.from, c.to, 1)), none); !errors.Is(err, ErrInvalid) {
				t.Errorf("it is accepted, or the error is another one: %.300v", err)
			}
		})
	}
}
