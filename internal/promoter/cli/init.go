package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/scaffold"
)

// start are the options of init.
type start struct {
	scaffold.Choices
	engine string
	force  bool
}

// started is the result of init.
type started struct {
	Engine string             `json:"engine"`
	Files  []scaffold.Planned `json:"files"`
	// Next are the commands that follow, Notes what to know before.
	Next  []string `json:"next"`
	Notes []string `json:"notes,omitempty"`
}

func (a *app) initCommand() *cobra.Command {
	var o start
	c := &cobra.Command{
		Use: "init", Args: cobra.NoArgs,
		Short: "Write a configuration and CI files into a repository that has a chart",
		Long: `Find the chart, the Go program and the address of a repository, and write the files of its pipeline:
the configuration, the CI engine's file, and the template of the CI file for the candidates' repository.

Existing files are not overwritten: if one has other content, the command fails and writes nothing. With --force, CI files are generated again from the existing configuration, which is never replaced.`,
		RunE: func(c *cobra.Command, _ []string) error {
			res, err := a.start(c.Context(), c.Flags().Changed("config"), o)
			if err != nil {
				return err
			}
			return a.begun(res)
		},
	}
	f := c.Flags()
	f.StringVar(&o.engine, "ci", "", fmt.Sprintf("CI engine to write files for: %s, or none (default: detected)", strings.Join(ci.Names(), ", ")))
	f.StringVar(&o.Chart, "chart", "", "directory of the chart, relative to the top of the repository (default: the only one)")
	f.StringVar(&o.Package, "package", "", "directory of the Go main package to build (default: the only one, at the top or below cmd)")
	f.BoolVar(&o.NoBuild, "no-build", false, "build no image; only the chart is released")
	f.StringVar(&o.Image, "image", "", "repository of images (default: the source's in the registry of its host)")
	f.StringVar(&o.Source, "source", "", "address of the source repository (default: that of origin)")
	f.StringVar(&o.Candidates, "qa", "", "address of the candidates' repository (default: the source's with -helm-qa)")
	f.StringVar(&o.Prod, "prod", "", "address of the chart repository (default: the source's with -helm)")
	f.BoolVar(&o.force, "force", false, "replace CI files with those of the existing configuration")
	return c
}

// start plans everything, and writes it unless this is a dry run.
func (a *app) start(ctx context.Context, named bool, o start) (*started, error) {
	if o.NoBuild && o.Package+o.Image != "" {
		return nil, fmt.Errorf("%w: --no-build excludes --package and --image; omit it or both of them", failure.ErrInput)
	}
	r, config, err := a.repository(ctx, named)
	if err != nil {
		return nil, err
	}
	text, cfg, notes, err := a.configuration(ctx, r, config, o)
	if err != nil {
		return nil, err
	}
	res := &started{Engine: o.engine}
	if res.Engine == "" {
		existing, err := r.Files(ctx)
		if err != nil {
			return nil, err
		}
		res.Engine = scaffold.Engine(existing, cfg.Source.Git)
	}
	var files []scaffold.File
	if res.Engine != "none" {
		if files, err = scaffold.CI(cfg, config, res.Engine, false); err != nil {
			return nil, err
		}
	}
	if res.Files, err = scaffold.Plan(r.Dir, scaffold.File{Path: config, Content: text}, files, o.force); err != nil {
		return nil, err
	}
	res.Next, res.Notes = scaffold.Next(cfg, config, files), append(notes, scaffold.Notes(os.DirFS(r.Dir), cfg)...)
	if a.dryRun {
		return res, nil
	}
	if err := scaffold.Write(r.Dir, res.Files); err != nil {
		return nil, err
	}
	// The files have the content now.
	for i := range res.Files {
		res.Files[i].Content = ""
	}
	return res, nil
}

// repository opens the repository, and returns the configuration's path in it.
func (a *app) repository(ctx context.Context, named bool) (*gitrepo.Repo, string, error) {
	file, err := filepath.Abs(a.config)
	if err != nil {
		return nil, "", err
	}
	existing := filepath.Dir(file)
	for !isDir(existing) {
		existing = filepath.Dir(existing)
	}
	dir := a.dir
	if dir == "" && named {
		dir = existing
	}
	if dir == "" {
		dir = "."
	}
	r, err := gitrepo.Open(ctx, dir, gitrepo.Options{})
	if err != nil {
		return nil, "", err
	}
	if !named {
		return r, config.DefaultFile, nil
	}
	// Git resolves links in its paths.
	rest, err := filepath.Rel(existing, file)
	if err == nil {
		existing, err = filepath.EvalSymlinks(existing)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	config, err := filepath.Rel(r.Dir, filepath.Join(existing, rest))
	if err != nil || config == ".." || strings.HasPrefix(config, "../") {
		return nil, "", fmt.Errorf("%w: %s is outside the repository %s, where CI does not find it; choose a path within it", failure.ErrInput, a.config, r.Dir)
	}
	return r, config, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// configuration is the existing one, if only CI's files are to be written from it, or else one for the contents of the repository.
func (a *app) configuration(ctx context.Context, r *gitrepo.Repo, file string, o start) (text string, cfg *config.Config, notes []string, err error) {
	none := func(string) string { return "" }
	data, err := os.ReadFile(filepath.Join(r.Dir, file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	if o.force && err == nil {
		cfg, err := config.Parse(data, none)
		if err != nil {
			return "", nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		return string(data), cfg, nil, nil
	}
	facts, err := scaffold.Inspect(ctx, r, o.Choices)
	if err != nil {
		return "", nil, nil, err
	}
	facts.Tool = thisVersion()
	text, err = scaffold.Config(facts)
	if err != nil {
		return "", nil, nil, err
	}
	cfg, err = config.Parse([]byte(text), none)
	if err != nil {
		return "", nil, nil, err
	}
	return text, cfg, facts.Notes, scaffold.Check(os.DirFS(r.Dir), cfg)
}

// thisVersion is how this very program is installed; empty when it was built without a version.
func thisVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !strings.HasPrefix(scaffold.DefaultTool, info.Main.Path+"/") || !strings.HasPrefix(info.Main.Version, "v") || strings.Contains(info.Main.Version, "+") {
		return ""
	}
	return scaffold.DefaultTool + "@" + info.Main.Version
}

// begun prints the files, with their content in a dry run, and the next commands.
func (a *app) begun(res *started) error {
	if a.output == "json" {
		return a.result(res)
	}
	for _, f := range res.Files {
		if a.dryRun && f.State != scaffold.Same {
			fmt.Fprintf(a.Out, "==> %s\n%s\n", f.Path, f.Content)
		} else {
			fmt.Fprintf(a.Out, "%s: %s\n", f.Path, f.State)
		}
	}
	for _, note := range res.Notes {
		fmt.Fprintln(a.Err, "note:", note)
	}
	fmt.Fprintln(a.Err, "\nNext:")
	for _, n := range res.Next {
		fmt.Fprintln(a.Err, " ", n)
	}
	return nil
}
