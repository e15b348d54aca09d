package scaffold

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// DefaultTool is what CI installs by default.
const DefaultTool = "github.com/christianb93/bitcoin-controller/cmd/chart-promoter"

// CI returns the files of an engine for a pipeline whose configuration is the file config. As a template, the file for DEV
// is placed beside that for QA, where no engine reads it.
func CI(c *config.Config, config, engine string, asTemplate bool) ([]File, error) {
	e, ok := ci.Find(engine)
	if !ok {
		return nil, fmt.Errorf("%w: the CI engine %q; use one of %s, or none", failure.ErrInput, engine, strings.Join(ci.Names(), ", "))
	}
	v, err := newView(c, config)
	if err != nil {
		return nil, err
	}
	devPath := e.Dev.Path
	if asTemplate {
		devPath = e.Dev.AsTemplate
	}
	dev, err := render(e.Dev.Template, v)
	if err != nil {
		return nil, err
	}
	qa, err := render(e.QA.Template, v)
	return []File{{devPath, dev}, {e.QA.Path, qa}}, err
}

// view has the values for the templates.
type view struct {
	// Config is the configuration's path, Flag names it in DEV unless it is the default.
	Config, Flag string
	Tool         struct {
		Local bool
		// Package is what CI builds or installs, after Fetch.
		Package, Fetch string
	}
	// Dev is DEV's command for the tool; Origin is a comment on what QA takes from the source.
	Dev, Origin                 string
	TravisGo, GitHubGo, ImageGo string
	// Package is true if a pull request can check the charts, TagPatterns select the tags that are built.
	Build, GHCR, Package bool
	TagPatterns          []string
	Checks               []string
	Source, SourcePath   string
	Branch, ChartFile    string
	// Stage is the stage of the candidates, Token the name of the secret that pushes to its repository. BuildReads is true if the build
	// reads that repository too.
	Stage, Token string
	BuildReads   bool
	// Passwords are the names of the secrets for the repositories of dependencies, Unpackaged is true if verify needs them too.
	Passwords  []string
	Unpackaged bool
	// Commit prints the commit that a candidate was created from, CommitOutput with its name before it.
	Commit, CommitOutput string
	// Depth is how many commits of the candidates' repository are needed, 0 for the engine's default: one push may then have several
	// candidates, whose commits the lines of Pushed find.
	Depth  int
	Pushed []string
	// Dist is where the results of a candidate's tests are.
	Dist                  string
	SigningKey, PublicKey string
	// First is the test of Stage. Later are the stages that test after it, Secrets and Variables what all of them need from the engine.
	First              verification
	Later              []verification
	Secrets, Variables []string
	Published          string
	Prepare            *config.Prepare
	Env                []pair
	// Shared names the stages that test in an existing cluster, where one run at a time can test; empty if there are none. Queues is true
	// for a host of candidates whose concurrency groups have a queue: without one, GitHub cancels all runs that wait but the last.
	Shared string
	Queues bool
	// Settings are the names of variables in the engine's settings that are no secrets.
	Settings []string
	Promote  []promotion
}

type pair struct{ Name, Value string }

// appVersion is the expression that extracts the commit from a chart, with any quotes.
const appVersion = `"s/^appVersion:[[:space:]]*[\"']\{0,1\}\([^\"'[:space:]]*\).*/%s/p"`

// word is text that needs no quotes in a script.
var word = regexp.MustCompile(`^[A-Za-z0-9./][A-Za-z0-9._/-]*$`)

func newView(c *config.Config, file string) (*view, error) {
	t := c.Tester()
	if t == nil {
		return nil, fmt.Errorf("%w: no stage has candidates, so CI has nothing to do", config.ErrInvalid)
	}
	remote, hosted := gitrepo.ParseRemote(c.Source.Git)
	v := &view{
		Config: file, Build: builds(c), Checks: c.CI.Checks, Prepare: c.CI.Prepare, Settings: c.CI.Variables,
		Source: c.Source.Git, SourcePath: remote.Path, Branch: "main", ChartFile: path.Join(t.Candidate.Path, "Chart.yaml"),
		Stage: t.Name, Token: token(t.Name), SigningKey: t.Key.Env, PublicKey: t.PublicKey.Env,
	}
	v.Package, v.TagPatterns = packages(c), tagPatterns(c)
	v.candidate(c)
	if !hosted {
		return nil, fmt.Errorf("%w: no CI engine can fetch the repository of source.git, %q; use its address, or --ci none", failure.ErrInput, c.Source.Git)
	}
	if t.Candidate.Branch != "" {
		v.Branch = t.Candidate.Branch
	}
	for _, text := range []string{file, v.ChartFile, v.SourcePath, v.Branch} {
		if !word.MatchString(text) {
			return nil, fmt.Errorf("%w: %q cannot be used in a script; use letters, digits, dots, hyphens and slashes", failure.ErrInput, text)
		}
	}
	if file != config.DefaultFile {
		v.Flag = " --config " + file
	}
	if v.Build {
		v.GHCR = builtIn(c, "ghcr.io/")
	}
	for _, name := range slices.Sorted(maps.Keys(c.CI.Env)) {
		v.Env = append(v.Env, pair{name, c.CI.Env[name]})
	}
	v.tool(c.CI)
	v.reads(c)
	v.verifications(c)
	v.promotions(c)
	return v, nil
}

// candidate sets what depends on how a candidate names its source: by its appVersion, or in the message of its commit.
func (v *view) candidate(c *config.Config) {
	v.Dist = "dist"
	if len(c.Charts) == 0 && c.AppVersionIsSource() {
		v.Commit = "sed -n " + fmt.Sprintf(appVersion, `\1`) + " " + v.ChartFile
		v.CommitOutput = "sed -n " + fmt.Sprintf(appVersion, `commit=\1`) + " " + v.ChartFile
		return
	}
	before, after := "git log -1 --format=%B | ", ""
	if at := c.Tester().Candidate; at.PullRequest != nil && len(c.Charts) == 0 {
		before, after = "", " "+chart.TrailersPath(at.Path)
	} else if at.PullRequest != nil {
		before = "git diff --name-only --diff-filter=d HEAD^1 HEAD -- " + chart.TrailersDir + " | xargs "
		after, v.Depth, v.Pushed = oneSource, 2, pushed
	}
	v.Commit, v.CommitOutput = before+fmt.Sprintf(sourceCommit, "")+after, before+fmt.Sprintf(sourceCommit, "commit=")+after
	if len(c.Charts) > 0 {
		v.Dist = "dist/*"
	}
}

// sourceCommit prints the commit that the lines of a candidate name: those of the message of its commit, or of its file, which a merge
// of its pull request keeps. A colon before a space would end a key of YAML.
const sourceCommit = "sed -n 's/^Source-Commit[:] */%s/p'"

// builds reports whether a stage builds the program of any chart.
func builds(c *config.Config) bool {
	return slices.ContainsFunc(c.PerChart(), func(one *config.Config) bool { return one.Builder() != nil })
}

// builtIn reports whether all images have names that begin with that of a registry.
func builtIn(c *config.Config, registry string) bool {
	return !slices.ContainsFunc(c.PerChart(), func(one *config.Config) bool {
		b := one.Builder()
		return b != nil && slices.ContainsFunc(b.Build.All(), func(i config.Image) bool { return !strings.HasPrefix(i.Repository, registry) })
	})
}

// tool selects how CI installs the tool and Go.
func (v *view) tool(c config.CI) {
	v.Tool.Package, v.Tool.Local = c.Tool, strings.HasPrefix(c.Tool, "./")
	v.Dev, v.Origin = "chart-promoter", "Configuration and tests are those of the commit that the candidate was created from, never of a branch."
	switch {
	case v.Tool.Local:
		v.Dev = "go run " + c.Tool
		v.Origin = "The tool, its configuration and the tests are those of the commit that the candidate was created from, never of a branch."
	case c.Tool == "":
		v.Tool.Fetch, v.Tool.Package = clone("latest")
	case strings.HasPrefix(c.Tool, DefaultTool+"@"):
		v.Tool.Fetch, v.Tool.Package = clone(strings.TrimPrefix(c.Tool, DefaultTool+"@"))
	}
	v.TravisGo, v.GitHubGo, v.ImageGo = "stable", "stable", "latest"
	if c.Go != "" {
		v.TravisGo, v.GitHubGo, v.ImageGo = c.Go+".x", quote(c.Go), c.Go
	}
}

const (
	toolRepository = "https://github.com/christianb93/bitcoin-controller.git"
	toolClone      = "/tmp/chart-promoter"
)

var pseudoVersion = regexp.MustCompile(`[.-][0-9]{14}-([0-9a-f]{12})$`)

// latestTag is the last version tag before the head of the main branch, or the head itself. Tags of the API's module begin with pkg/.
const latestTag = `"$(git -C ` + toolClone + ` describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || echo HEAD)"`

// clone returns the commands that fetch a version of this tool, and what `go install` takes after them. `go install` with a version
// rejects a module whose go.mod has a replace directive, as that of this tool has for the module of the API.
func clone(version string) (fetch, install string) {
	commit := version
	if m := pseudoVersion.FindStringSubmatch(version); m != nil {
		commit = m[1]
	}
	if version == "latest" {
		commit = latestTag
	}
	fetch = "rm -rf " + toolClone + " && git clone --quiet --filter=blob:none " + toolRepository + " " + toolClone +
		" && git -C " + toolClone + " checkout --quiet --detach " + commit + " && "
	return fetch, "-C " + toolClone + " ./cmd/chart-promoter"
}
