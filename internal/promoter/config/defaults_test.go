package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// shortYAML is as little as one can write, and what `init` writes.
const shortYAML = `name: hello
source: {git: /origin.git}
chart: {path: charts/hello}
stages:
  - name: dev
    build: {image: {repository: localhost/hello, package: ./cmd/hello}}
  - name: pre-prod
    candidate: {git: /qa.git}
    verify: {}
  - name: prod
    publish: {git: /prod.git}
`

func TestAShortConfigurationMeansWhatOneExpects(t *testing.T) {
	c, err := Parse([]byte(shortYAML), none)
	if err != nil {
		t.Fatal(err)
	}
	tester := c.Tester()
	if tester.Key.Env != "PRE_PROD_SIGNING_KEY" || tester.PublicKey.Env != "PRE_PROD_PUBLIC_KEY" {
		t.Errorf("keys are read from %+v and %+v", tester.Key, tester.PublicKey)
	}
	if g := c.Stage("prod").Guards; g.Versions != "release" || !slices.Equal(g.VerifiedBy, Names{"pre-prod"}) {
		t.Errorf("prod lets in %+v", g)
	}
	if tester.Verify.Test != nil {
		t.Errorf("candidates are tested by %v", tester.Verify.Test)
	}
	if key := c.Stage("dev").Key; key != (Key{}) {
		t.Errorf("a stage that tests nothing has the key %+v", key)
	}
}

func TestWhatIsWrittenIsNotReplacedByADefault(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"a test without its command":        {"verify: {}", "verify: {test: {timeout: 5m}}", "no command is set"},
		"a command that is a text":          {"verify: {}", `verify: {test: {prepare: npm ci, command: [x]}}`, "is a text where a list is expected; write [npm, ci]"},
		"a preparation without a program":   {"verify: {}", `verify: {test: {prepare: [""], command: [x]}}`, "prepare has no program"},
		"a test of an unknown format":       {"verify: {}", "verify: {test: {format: tap}}", "no command is set"},
		"candidates without their test":     {"    verify: {}\n", "", "belong together"},
		"a tool without a version":          {"stages:", "ci: {tool: example.com/cmd/tool}\nstages:", "ci.tool"},
		"a tool that a shell would run":     {"stages:", "ci: {tool: \"./x; rm y\"}\nstages:", "ci.tool"},
		"a version of Go with a patch":      {"stages:", "ci: {go: 1.26.1}\nstages:", "ci.go"},
		"a value that a shell would run":    {"stages:", "ci: {env: {A: \"$(x)\"}}\nstages:", "of A contains"},
		"a variable that none can be":       {"stages:", "ci: {prepare: {command: x, variables: [A-B]}}\nstages:", `"A-B"`},
		"a preparation without its command": {"stages:", "ci: {prepare: {variables: [A]}}\nstages:", "ci.prepare"},
		"a misspelt key":                    {"verify: {}", "verify: {}\n    keys: {env: X}", `unknown field "keys"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(strings.Replace(shortYAML, c.from, c.to, 1)), none)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want ErrInvalid with %q", err, c.want)
			}
		})
	}
	own := strings.Replace(shortYAML, "verify: {}", "verify: {}\n    key: {file: my.key}", 1)
	c, err := Parse([]byte(own), none)
	if err != nil || c.Tester().Key != (Key{File: "my.key"}) {
		t.Errorf("a key of one's own became %+v, %v", c.Tester().Key, err)
	}
}
