package config

import (
	"errors"
	"strings"
	"testing"
)

const severalYAML = `
name: shop
charts:
  - {path: charts/api, build: {image: {repository: example.com/api, package: ./cmd/api}}, sources: [cmd/api]}
  - {path: charts/web, name: front, install: {values: {a: b}}, version: {from: file, tagPrefix: web/}}
stages:
  - name: dev
  - name: qa
    candidate: {git: q, path: helm}
    verify: {install: {timeout: 1m}}
  - name: prod
    publish: {git: p}
`

func TestEachChartHasAConfigurationOfItsOwn(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(severalYAML), none)
	if err != nil {
		t.Fatal(err)
	}
	list := c.PerChart()
	if len(list) != 2 || list[0].Whole() != c || len(c.PerChart()) != 2 {
		t.Fatalf("%d charts", len(list))
	}
	api, front := list[0], list[1]
	if api.Builder() == nil || api.Builder().Build.Image.Repository != "example.com/api" || api.ChartTags().Prefix != "api-" || !api.AppVersionIsSource() {
		t.Errorf("api: %+v", api)
	}
	if front.Builder() != nil || front.ChartTags().Prefix != "web/" || front.AppVersionIsSource() || front.Label() != "front" {
		t.Errorf("front: %+v", front)
	}
	if got := api.Tester().Candidate.Path + " " + front.Tester().Candidate.Path; got != "helm/api helm/front" {
		t.Errorf("candidates lie in %s", got)
	}
	if in := front.Tester().Verify.Install; in.Release != "front" || in.Namespace != "front" || in.Values["a"] != "b" {
		t.Errorf("installed as %+v", in)
	}
	if in := api.Tester().Verify.Install; in.Release != "api" || in.Timeout == 0 || len(in.Values) != 0 {
		t.Errorf("installed as %+v", in)
	}
	if c.Tester().Candidate.Path != "helm" || !front.Stage("prod").Guards.AppVersionApart || api.Stage("prod").Guards.AppVersionApart {
		t.Error("the charts share a stage")
	}
	fields, err := front.FieldsOf(Values{})
	if err != nil || len(fields["Chart.yaml"]) != 0 {
		t.Errorf("a candidate of front sets %v, %v", fields, err)
	}
}

func TestAChartAtTheTopHasTagsWithTheNameOfThePipeline(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte("name: shop\nchart: {path: ., version: {from: file}}\nstages: [{name: prod, publish: {git: p}, guards: {verifiedBy: none}}]\n"), none)
	if err != nil || c.ChartTags().Prefix != "shop-" {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestALaterStageKeepsWhatItSetsItself(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(strings.NewReplacer(
		"install: {values: {a: b}}", "install: {values: {a: b, c: d}, release: own}, test: {command: [chart]}",
		"  - name: prod", "  - {name: staging, verify: {install: {values: {a: stage}, timeout: 9m}, test: {command: [stage]}}}\n  - {name: slow, verify: {}}\n  - name: prod",
	).Replace(severalYAML)), none)
	if err != nil {
		t.Fatal(err)
	}
	front := c.PerChart()[1]
	first, staging, slow := front.Tester().Verify, front.Stage("staging").Verify, front.Stage("slow").Verify
	if first.Install.Values["a"] != "b" || first.Test.Command.Command[0] != "chart" || first.Install.Timeout != 0 {
		t.Errorf("first: %+v", first)
	}
	if in := staging.Install; in.Values["a"] != "stage" || in.Values["c"] != "d" || in.Release != "own" || in.Timeout == 0 || staging.Test.Command.Command[0] != "stage" {
		t.Errorf("staging: %+v", staging)
	}
	if in := slow.Install; in.Values["a"] != "b" || slow.Test.Command.Command[0] != "chart" {
		t.Errorf("slow: %+v", slow)
	}
}

func TestTheRegistriesOfAllChartsAndFilesArePushedTo(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(strings.NewReplacer(
		"package: ./cmd/api}", "package: ./cmd/api}, files: {paths: [x], repository: files.example.com/api}", "publish: {git: p}", "publish: {oci: oci://charts.example.com/shop}",
		"- name: dev", "- {name: dev, build: {images: [{repository: one.example.com/web, package: .}, {repository: two.example.com/other, digest: ''}]}}",
	).Replace(severalYAML)), none)
	if err != nil {
		t.Fatal(err)
	}
	want := "example.com/api files.example.com/api oci://charts.example.com/shop one.example.com/web"
	for _, one := range append(c.PerChart(), c) {
		if got := strings.Join(one.Pushes(), " "); got != want {
			t.Errorf("chart %q pushes to %s, want %s", one.Chart.Name, got, want)
		}
	}
}

func TestWrongChartsAreRejected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"no path":                         {"path: charts/web, ", "", "requires path"},
		"the top":                         {"path: charts/web", "path: .", "requires path"},
		"outside":                         {"path: charts/web", "path: ../web", "outside the repository"},
		"a name twice":                    {"name: front", "name: api", "occurs twice"},
		"the name of a directory":         {"name: front", "name: source", "has a meaning of its own"},
		"the name of a file":              {"name: front", "name: lock", "has a meaning of its own"},
		"the name of an image's files":    {"name: front", "name: image-web", "has a meaning of its own"},
		"a path twice":                    {"path: charts/web", "path: charts/api/", "occurs twice"},
		"an invalid name":                 {"name: front", "name: Front", "set name to"},
		"an unknown from":                 {"from: file", "from: git", "use tags or file"},
		"a prefix":                        {"tagPrefix: web/", "tagPrefix: web-1", "tag prefix"},
		"chart beside":                    {"charts:\n", "chart: {path: x}\ncharts:\n", "exclude each other"},
		"sources":                         {"sources: [cmd/api]", "sources: [../x]", "is not a path within"},
		"an image":                        {"package: ./cmd/api", "package: ''", "build.image"},
		"a stage too many":                {"  - name: dev\n", "  - name: dev\n    guards: {}\n", "chart api: stage dev: "},
		"an unknown key":                  {"name: front", "nome: front", "unknown field"},
		"an invalid name of the pipeline": {"name: shop", "name: Shop", "name"},
	} {
		text := strings.Replace(severalYAML, c.from, c.to, 1)
		if name == "the name of an image's files" {
			text = strings.Replace(text, "- name: dev", "- {name: dev, build: {images: [{name: web, repository: a.example.com/web, package: .}, {name: b, repository: a.example.com/b, package: .}]}}", 1)
		}
		if _, err := Parse([]byte(text), none); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	single := strings.Replace(pipelineYAML, "  path: charts/hello\n", "  path: charts/hello\n  name: x\n", 1)
	w := map[string]string{"ORIGIN": "o", "QA": "q", "PROD": "p", "HOST": "h"}
	if _, err := Parse([]byte(single), func(k string) string { return w[k] }); err == nil || !strings.Contains(err.Error(), "for the list charts") {
		t.Errorf("a name of the only chart: %v", err)
	}
}
