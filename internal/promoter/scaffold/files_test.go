package scaffold

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var update = flag.Bool("update", false, "write the golden files")

func none(string) string { return "" }

var (
	program = Facts{
		Name: "hello", Source: "https://github.com/o/hello.git", Candidates: "https://github.com/o/hello-helm-qa.git", Prod: "https://github.com/o/hello-helm.git",
		Chart: "charts/hello", Package: "./cmd/hello", Image: "ghcr.io/o/hello", UnitTests: true, Tool: DefaultTool + "@v1.2.3",
	}
	chartAlone = Facts{
		Name: "on-its-own", Source: "https://gitlab.com/a/b/c.git", Candidates: "https://gitlab.com/a/b/c-helm-qa.git", Prod: "https://gitlab.com/a/b/c-helm.git", Chart: ".",
	}
)

// written is the configuration that init writes for a repository with these facts.
func written(t *testing.T, f Facts) (text string, c *config.Config) {
	t.Helper()
	text, err := Config(f)
	if err != nil {
		t.Fatal(err)
	}
	return text, configured(t, text)
}

func parse(t *testing.T, f Facts) *config.Config {
	t.Helper()
	_, c := written(t, f)
	return c
}

// configured is a configuration without variables of the environment.
func configured(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(text), none)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return c
}

// filesFor are the files of an engine for a configuration.
func filesFor(t *testing.T, configuration, engine string) []File {
	t.Helper()
	files, err := CI(configured(t, configuration), config.DefaultFile, engine, false)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFilesForOtherRepositories(t *testing.T) {
	for name, f := range map[string]Facts{"program": program, "chart-alone": chartAlone} {
		t.Run(name, func(t *testing.T) {
			text, _ := written(t, f)
			files := []File{{config.DefaultFile, text}}
			for _, engine := range ci.Names() {
				files = append(files, filesFor(t, text, engine)...)
			}
			var all strings.Builder
			for _, f := range files {
				all.WriteString("==> " + f.Path + "\n" + f.Content + "\n")
			}
			golden := "testdata/" + name + ".golden"
			if *update {
				if err := atomicfile.WriteMkdir(golden, []byte(all.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), all.String()); d != "" {
				t.Errorf("-update writes them (-want +got):\n%s", d)
			}
		})
	}
}

func TestAConfigurationOfInitIsShortAndMeansThatRepository(t *testing.T) {
	text, _ := Config(program)
	lines := 0
	for _, l := range strings.Split(text, "\n") {
		if l != "" && !strings.HasPrefix(l, "#") {
			lines++
		}
	}
	if lines > 14 {
		t.Errorf("it has %d lines:\n%s", lines, text)
	}
	c := parse(t, program)
	if b := c.Builder().Build; b.Image.Repository != program.Image || b.Image.Package != program.Package || b.Test == nil {
		t.Errorf("it builds %+v", b)
	}
	if c.Source.Git != program.Source || c.Tester().Candidate.Git != program.Candidates || c.Tester().Candidate.Path != "hello" || c.Publishers()[0].Publish.Git != program.Prod {
		t.Errorf("it goes elsewhere:\n%s", text)
	}
	file := chartAlone
	file.VersionInFile, file.Prod, file.ProdBranch, file.ProdURL = true, file.Source, "gh-pages", "https://a.gitlab.io/c"
	byFile := parse(t, file)
	if p := byFile.Publishers()[0].Publish; byFile.Chart.Version.From != config.FromFile || p.Branch != "gh-pages" || p.URL != file.ProdURL {
		t.Errorf("the version is not that of Chart.yaml, or the branch is wrong: %+v", byFile)
	}
	if next := Next(byFile, config.DefaultFile, nil)[0]; next != "create this empty repository: "+file.Candidates {
		t.Errorf("next: %s", next)
	}
	export := `export QA_SIGNING_KEY="$(cat ../qa.key)" QA_PUBLIC_KEY="$(cat ../qa.pub)" `
	if next := strings.Join(Next(byFile, config.DefaultFile, nil), "\n"); !strings.Contains(next, export) {
		t.Errorf("next does not name the keys for run:\n%s", next)
	}
	alone := parse(t, chartAlone)
	if alone.Builder() != nil || alone.Tester().Candidate.Path != "on-its-own" {
		t.Errorf("a chart alone is built by %+v, and a candidate in %q", alone.Builder(), alone.Tester().Candidate.Path)
	}
}

func TestTheConfigurationQuotesAnyAddress(t *testing.T) {
	for _, odd := range []string{"/srv/a: b.git", "/srv/it's.git", `/srv/"x".git`, "/srv/${HOME}.git", "/srv/#.git", "/srv/ü.git", "-", "yes", "0"} {
		f := program
		f.Source, f.Candidates, f.Prod = odd, odd, odd
		c := parse(t, f)
		if c.Source.Git != odd || c.Tester().Candidate.Git != odd || c.Publishers()[0].Publish.Git != odd {
			t.Errorf("%q became %q", odd, c.Source.Git)
		}
	}
}

// One source of truth: this repository uses the files that init writes for others.
func TestThisRepositorysOwnFilesAreThoseOfInit(t *testing.T) {
	root := "../../.."
	data, err := os.ReadFile(filepath.Join(root, config.DefaultFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(data, none)
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range ci.Names() {
		files, err := CI(c, config.DefaultFile, engine, engine != "travis")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			own, err := os.ReadFile(filepath.Join(root, f.Path))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(f.Content, string(own)); d != "" {
				t.Errorf("%s is stale, run scripts/generate.sh (-want +got):\n%s", f.Path, d)
			}
		}
	}
}

func TestCIRejectsWhatNoEngineCouldUse(t *testing.T) {
	local, odd := program, program
	local.Source = "/srv/hello.git"
	odd.Chart = "charts/my chart; rm -rf $HOME"
	for name, c := range map[string]struct {
		facts                Facts
		config, engine, want string
	}{
		"an engine that is not known":            {program, "ci/pipeline.yaml", "no-such-engine", "travis, github, gitlab, or none"},
		"a source that only this machine has":    {local, "ci/pipeline.yaml", "github", "--ci none"},
		"a directory that a shell would read":    {odd, "ci/pipeline.yaml", "travis", "cannot be used in a script"},
		"a configuration that a shell would run": {program, "ci/$(x).yaml", "gitlab", "cannot be used in a script"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CI(parse(t, c.facts), c.config, c.engine, false)
			if !errors.Is(err, failure.ErrInput) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestAPipelineHasAName(t *testing.T) {
	for chart, want := range map[string]string{
		"hello": "hello", "Hello.World": "hello-world", "7zip": "chart-7zip",
		"chart-with-uncompressed-dependencies": "chart-with-uncompressed-depend", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p": "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o",
	} {
		if got := PipelineName(chart); got != want {
			t.Errorf("%s: %q, want %q", chart, got, want)
		}
	}
}

func TestTheEngineIsTheOneInUse(t *testing.T) {
	for name, c := range map[string]struct {
		files        []string
		source, want string
	}{
		"GitHub":                         {nil, "https://github.com/o/r.git", "github"},
		"GitLab":                         {nil, "git@gitlab.example.com:o/r.git", "gitlab"},
		"an unknown host":                {nil, "https://git.example.com/o/r.git", "github"},
		"Travis for GitHub":              {[]string{".travis.yml", "a"}, "https://github.com/o/r.git", "travis"},
		"GitHub's files, by a mirror":    {[]string{".github/workflows/x.yaml"}, "https://gitlab.com/o/r.git", "github"},
		"files of two":                   {[]string{".travis.yml", ".gitlab-ci.yml"}, "https://gitlab.com/o/r.git", "gitlab"},
		"templates are no engine's":      {[]string{"ci/travis/qa.travis.yml"}, "https://github.com/o/r.git", "github"},
		"a directory that no CI can see": {[]string{".travis.yml"}, "/srv/r.git", "none"},
	} {
		if got := Engine(c.files, c.source); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
