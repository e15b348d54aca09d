package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Check returns an error when the chart lacks a field that a candidate sets, which would otherwise fail at the first bump.
func Check(repo fs.FS, c *config.Config) error {
	for _, one := range c.PerChart() {
		if err := check(repo, one); err != nil {
			return err
		}
	}
	return nil
}

func check(repo fs.FS, c *config.Config) error {
	values, err := readFile(repo, path.Join(c.Chart.Path, "values.yaml"))
	if err != nil {
		return err
	}
	scalars, err := c.FieldsOf(config.Values{
		Settable:       func(path string) (bool, error) { return chart.IsSettable(values, path) },
		Text:           func(path string) string { return chart.TextAt(values, path) },
		UsesAppVersion: func() bool { return usesAppVersion(repo, c) },
	})
	if err != nil {
		return err
	}
	for file, paths := range scalars {
		data, err := readFile(repo, path.Join(c.Chart.Path, file))
		if err != nil {
			return err
		}
		for p := range paths {
			if err := chart.Settable(data, p); err != nil {
				return fmt.Errorf("%s of %s: %w", p, file, err)
			}
		}
	}
	return nil
}

func usesAppVersion(repo fs.FS, c *config.Config) bool {
	found := false
	_ = fs.WalkDir(repo, path.Join(c.Chart.Path, "templates"), func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(repo, name)
		found = found || strings.Contains(string(data), ".AppVersion")
		return err
	})
	return found
}

func readFile(repo fs.FS, name string) ([]byte, error) {
	data, err := fs.ReadFile(repo, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	return data, nil
}

var imageByAppVersion = regexp.MustCompile(`(?m)^.*image:.*AppVersion`)

// Notes are hints for the further work on this pipeline.
func Notes(repo fs.FS, c *config.Config) []string {
	if c.Builder() != nil || len(c.Charts) > 0 || !c.AppVersionIsSource() {
		return nil
	}
	names, _ := fs.Glob(repo, path.Join(c.Chart.Path, "templates", "*.yaml"))
	for _, name := range names {
		if data, err := fs.ReadFile(repo, name); err == nil && imageByAppVersion.Match(data) {
			return []string{fmt.Sprintf("%s takes its image's tag from the chart's appVersion, which every candidate sets to its commit or tag; set the image's tag in values.yaml unless an image exists for each of them", name)}
		}
	}
	return nil
}

// Next are the commands from these files to the first release.
func Next(c *config.Config, file string, ci []File) []string {
	t := c.Tester()
	flag := ""
	if file != config.DefaultFile {
		flag = " --config " + file
	}
	repositories := []string{t.Candidate.Git}
	for _, p := range c.Publishers() {
		if address := p.Publish.Git + p.Publish.Directory + p.Publish.OCI; !sameRepository(address, c.Source.Git) && !sameRepository(address, t.Candidate.Git) {
			repositories = append(repositories, address)
		}
	}
	create := "create this empty repository: "
	if len(repositories) > 1 {
		create = "create these empty repositories: "
	}
	next := []string{
		create + strings.Join(repositories, " and "),
	}
	for _, t := range c.Testers() {
		next = append(next, fmt.Sprintf("chart-promoter keygen ../%s   # create the key pair for %s and %s", t.Name, t.Key.Env, t.PublicKey.Env))
	}
	for _, f := range ci {
		next = append(next, fmt.Sprintf("set the secrets listed at the top of %s", f.Path))
	}
	if len(ci) > 0 {
		qa := ci[len(ci)-1]
		next = append(next, fmt.Sprintf("copy %s to %s, with the file name given at its top", qa.Path, t.Candidate.Git))
	}
	next = append(next, "git add -A && git commit", "chart-promoter explain"+flag+"   # each step that CI will run")
	for _, t := range c.Testers() {
		if t.Key.Env != "" && t.PublicKey.Env != "" {
			next = append(next, fmt.Sprintf(`export %s="$(cat ../%[2]s.key)" %[3]s="$(cat ../%[2]s.pub)"   # the key pair, for this machine`, t.Key.Env, t.Name, t.PublicKey.Env))
		}
	}
	return append(next, "chart-promoter run"+flag+"   # run all steps on this machine")
}
