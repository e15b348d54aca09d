package pipeline

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
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
	if g := c.Stage("prod").Guards; g.Versions != "release" || g.VerifiedBy != "pre-prod" {
		t.Errorf("prod lets in %+v", g)
	}
	if got := strings.Join((&Session{Config: c}).withoutSecrets([]string{"PRE_PROD_SIGNING_KEY=x", "A=b"}), " "); got != "A=b" {
		t.Errorf("tests get %s", got)
	}
	if tester.Verify.Test != nil || tester.Verify.tests() != "the chart's own tests" {
		t.Errorf("candidates are tested by %s", tester.Verify.tests())
	}
	if key := c.Stage("dev").Key; key != (Key{}) {
		t.Errorf("a stage that tests nothing has the key %+v", key)
	}
	if _, err := (&Session{Config: c, Env: none}).key(tester.Key); KindOf(err) != BadInput || !strings.Contains(err.Error(), "PRE_PROD_SIGNING_KEY") {
		t.Errorf("without a key: %v", err)
	}
}

func TestWhatIsWrittenIsNotReplacedByADefault(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"a test without its command":        {"verify: {}", "verify: {test: {timeout: 5m}}", "the command is missing"},
		"a test of an unknown format":       {"verify: {}", "verify: {test: {format: tap}}", "the command is missing"},
		"candidates without their test":     {"    verify: {}\n", "", "belong together"},
		"a tool without a version":          {"stages:", "ci: {tool: example.com/cmd/tool}\nstages:", "ci.tool"},
		"a tool that a shell would run":     {"stages:", "ci: {tool: \"./x; rm y\"}\nstages:", "ci.tool"},
		"a version of Go with a patch":      {"stages:", "ci: {go: 1.26.1}\nstages:", "ci.go"},
		"a value that a shell would run":    {"stages:", "ci: {env: {A: \"$(x)\"}}\nstages:", "ci.env: A"},
		"a variable that none can be":       {"stages:", "ci: {prepare: {command: x, variables: [A-B]}}\nstages:", `"A-B"`},
		"a preparation without its command": {"stages:", "ci: {prepare: {variables: [A]}}\nstages:", "ci.prepare"},
		"a misspelt key":                    {"verify: {}", "verify: {}\n    keys: {env: X}", `no field "keys"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(strings.Replace(shortYAML, c.from, c.to, 1)), none)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want ErrConfig with %q", err, c.want)
			}
		})
	}
	own := strings.Replace(shortYAML, "verify: {}", "verify: {}\n    key: {file: my.key}", 1)
	c, err := Parse([]byte(own), none)
	if err != nil || c.Tester().Key != (Key{File: "my.key"}) {
		t.Errorf("a key of one's own became %+v, %v", c.Tester().Key, err)
	}
}

func TestDefaultScalarsTakeOnlyWhatTheChartHas(t *testing.T) {
	versions := map[string]string{"version": "chartVersion", "appVersion": "appVersion"}
	all := map[string]string{"image.repository": "imageRepository", "image.tag": "imageTag", "image.digest": "imageDigest"}
	for name, c := range map[string]struct {
		scalars, values string
		build           bool
		image           map[string]string
		err             error
	}{
		"a chart with all three":                  {"", "image: {repository: a, tag: b, digest: c}\n", true, all, nil},
		"a chart as helm create makes it":         {"", "image:\n  repository: nginx\n  # none\n  tag: \"\"\n", true, map[string]string{"image.repository": "imageRepository", "image.tag": "imageTag"}, nil},
		"values that are null":                    {"", "image:\r\n  repository:\r\n  digest: ~\r\n", true, map[string]string{"image.repository": "imageRepository", "image.digest": "imageDigest"}, nil},
		"nothing that names the image's version":  {"", "image: {repository: a}\n", true, nil, chart.ErrPathNotFound},
		"a tag of no repository":                  {"", "image: {tag: b, name: a}\n", true, nil, chart.ErrPathNotFound},
		"an image in one scalar":                  {"", "image: a:b\n", true, nil, chart.ErrPathNotFound},
		"a tag that is no scalar":                 {"", "image: {repository: a, tag: [x]}\n", true, nil, chart.ErrPathNotFound},
		"an image that is an alias of another":    {"", "x: &i {repository: a, tag: b}\nimage: *i\n", true, nil, chart.ErrPathNotFound},
		"no values":                               {"", "", true, nil, chart.ErrPathNotFound},
		"values that cannot be read":              {"", "image: [\n", true, nil, chart.ErrNotYAML},
		"no program, and an image of others":      {"", "image: {repository: a, tag: b}\n", false, nil, nil},
		"no program and values that are no YAML":  {"", "{{ x }}", false, nil, nil},
		"what is named stays, whatever there is":  {"Chart.yaml: {version: chartVersion}", "image: {}\n", true, nil, nil},
		"nothing is to be set, and that is meant": {" ", "image: {tag: x}\n", true, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := shortYAML
			if !c.build {
				text = strings.Replace(text, "  - name: dev\n    build: {image: {repository: localhost/hello, package: ./cmd/hello}}\n", "", 1)
			}
			want := map[string]map[string]string{"Chart.yaml": versions}
			if c.scalars != "" {
				text = strings.Replace(text, "path: charts/hello", "path: charts/hello, scalars: {"+c.scalars+"}", 1)
				want = map[string]map[string]string{}
				if c.scalars != " " {
					want["Chart.yaml"] = map[string]string{"version": "chartVersion"}
				}
			}
			if c.image != nil {
				want["values.yaml"] = c.image
			}
			cfg, err := Parse([]byte(text), none)
			if err != nil {
				t.Fatal(err)
			}
			got, err := cfg.ScalarsOf([]byte(c.values))
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if c.err != nil {
				if KindOf(err) != BadInput || !strings.Contains(err.Error(), "values.yaml") {
					t.Errorf("%s: %v", KindOf(err), err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("scalars (-want +got):\n%s", d)
			}
		})
	}
}

func TestACandidateIsMadeWithoutAnyScalarBeingNamed(t *testing.T) {
	w := newWorld(t)
	text := strings.NewReplacer("/origin.git", w.origin, "/qa.git", w.qa, "/prod.git", w.prod, "localhost/hello", w.host+"/hello").Replace(shortYAML)
	cfg, err := Parse([]byte(text), none)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Root, w.s.Config = w.source.Dir, cfg
	img := w.built()
	if _, err := Bump(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("repository: example.com/hello", "repository: "+img.Repository, `tag: ""`, `tag: "`+img.Tag+`"`, "digest: ''", "digest: '"+img.Digest+"'").Replace(valuesYAML)
	if d := cmp.Diff(want, w.candidate("hello/values.yaml")); d != "" {
		t.Errorf("values.yaml (-want +got):\n%s", d)
	}
	w.write("charts/hello/values.yaml", "image: {repository: x}\n")
	w.commit("no tag")
	w.built()
	if _, err := Bump(t.Context(), w.s); !errors.Is(err, chart.ErrPathNotFound) || len(w.candidates()) != 1 {
		t.Errorf("a chart that would run another image: %v, and %d candidates", err, len(w.candidates()))
	}
}
