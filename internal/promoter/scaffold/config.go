// Package scaffold creates the files that a repository with a chart needs for its pipeline: the configuration, and the files
// of the CI engine. Inspect (inspect.go) reads the repository, Config and CI (config.go, ci.go) compute the files without
// any I/O, and Write (write.go) writes them to the disk.
package scaffold

import (
	"bytes"
	"embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// Facts are the inputs of a repository's configuration.
type Facts struct {
	// Name of the pipeline.
	Name string
	// Source, Candidates and Prod are the addresses of the three repositories.
	Source, Candidates, Prod string
	// ProdBranch is the branch of Prod, main if it is empty, and ProdURL the address that it is served under, if that is known.
	ProdBranch, ProdURL string
	// Chart is the chart's directory in the source repository, empty for several.
	Chart string
	// Charts are the charts of a repository with several. VersionInFile is true if the version of a chart is that of its Chart.yaml.
	Charts        []ChartFacts
	VersionInFile bool
	// OnlyVersion is true for a chart whose appVersion stays: a library chart, which has no program, or one for a program of another project.
	OnlyVersion bool
	// ChartTagPrefix is the prefix of the chart's own tags, and TagPrefix that of the program and its chart; empty for tags without one.
	ChartTagPrefix, TagPrefix string
	// Package is the main package that is built into Image; empty when nothing is built.
	Package, Image string
	// UnitTests is true for a source with Go tests.
	UnitTests bool
	// Tool is what CI installs, empty for the latest version.
	Tool string
	// Notes are what the user has to add for the chart.
	Notes []string
}

// ChartFacts is one of several charts.
type ChartFacts struct {
	// Path is its directory. Name is empty if the base name of the directory is a valid name that no other chart has.
	Path, Name string
	// TagPrefix is the prefix of its tags, empty for the name and a hyphen.
	TagPrefix string
}

// File is one file, by its path in the repository.
type File struct {
	Path    string `json:"path"`
	Content string `json:"content,omitempty"`
}

//go:embed templates
var templates embed.FS

// The delimiters are used by neither YAML, nor a shell, nor an engine. Parsed when a file is rendered: every command would pay for it
// otherwise.
var parsed = sync.OnceValue(func() *template.Template {
	t := template.New("").Delims("<%", "%>").Funcs(template.FuncMap{
		"quote":  quote,
		"names":  func(p ci.Purpose) string { return strings.Join(variableNames(p), ", ") },
		"needed": ci.NeededFor,
	})
	template.Must(t.ParseFS(templates, "templates/*"))
	return template.Must(t.ParseFS(ci.Templates, "templates/*"))
})

func render(name string, data any) (string, error) {
	var out bytes.Buffer
	err := parsed().ExecuteTemplate(&out, name, data)
	return out.String(), err
}

// Config returns the configuration for a repository.
func Config(f Facts) (string, error) {
	for _, s := range []*string{&f.Source, &f.Candidates, &f.Prod, &f.ProdBranch, &f.ProdURL, &f.Chart, &f.Package, &f.Image, &f.Tool} {
		*s = strings.ReplaceAll(*s, "$", "$$") // ${NAME} would be replaced
	}
	f.Charts = slices.Clone(f.Charts)
	for i := range f.Charts {
		f.Charts[i].Path = strings.ReplaceAll(f.Charts[i].Path, "$", "$$")
	}
	return render("pipeline.yaml", struct {
		Facts
		Variables string
	}{f, "QA_SIGNING_KEY and QA_PUBLIC_KEY"})
}

var plain = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9._/:@-]*$`)

// quote returns a text as a YAML scalar, without quotes where they are not needed.
func quote(s string) string {
	if plain.MatchString(s) && !strings.HasSuffix(s, ":") && s != "true" && s != "false" && s != "null" && s != "yes" && s != "no" {
		return s
	}
	return strconv.Quote(s)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// PipelineName turns the name of a chart into a valid name of a pipeline, and so of a cluster.
func PipelineName(chart string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(chart), "-"), "-")
	if name == "" || name[0] < 'a' {
		name = "chart-" + name
	}
	return strings.Trim(name[:min(len(name), config.MaxName)], "-")
}
