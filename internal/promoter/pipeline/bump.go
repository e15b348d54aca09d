package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// BumpResult says where the candidate is.
type BumpResult struct {
	Version version.Version `json:"version"`
	Image   string          `json:"image,omitempty"`
	// Repository, Branch and Commit name the candidate; Changed is false when it was there already.
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	Commit     string `json:"commit"`
	Changed    bool   `json:"changed"`
	// Diff is set by a dry run: what would be committed.
	Diff string `json:"diff,omitempty"`
}

// Bump brings the candidates' repository to the version of the source commit: the chart's files as they are in that
// commit, and the configured scalars. If somebody pushes meanwhile it is done again on their commit.
func Bump(ctx context.Context, s *Session) (*BumpResult, error) {
	stage := s.Config.Tester()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage holds candidates", config.ErrInvalid)
	}
	v, err := Version(ctx, s)
	if err != nil {
		return nil, err
	}
	if !v.CI.MayPush() {
		return nil, &Skip{"the build of a pull request or of a fork makes no candidate"}
	}
	img, err := s.built(ctx, v.Version)
	if err != nil {
		return nil, err
	}
	source := ""
	if s.Config.Chart.Path != "" {
		dir, _, err := s.exportSource(ctx, s.Dir, v.Commit)
		if err != nil {
			return nil, err
		}
		source = filepath.Join(dir, s.Config.Chart.Path)
	}
	c := stage.Candidate
	res := &BumpResult{Version: v.Version, Repository: address(c.Git), Branch: c.Branch}
	if img != nil {
		res.Image = img.Ref()
	}
	mutate := func(dir string) (string, bool, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return "", false, err
		}
		defer root.Close()
		if source != "" {
			if err := s.removeGone(ctx, dir, source, root); err != nil {
				return "", false, escapes(err)
			}
			if err := syncChart(source, root, c.Path); err != nil {
				return "", false, escapes(err)
			}
		}
		scalars, err := fieldsIn(s.Config, root, c.Path)
		if err != nil {
			return "", false, escapes(err)
		}
		if err := setScalars(root, c.Path, scalars, values(v.Version, img)); err != nil {
			return "", false, escapes(err)
		}
		if s.DryRun {
			if r, err := gitrepo.Open(ctx, dir, gitrepo.Options{}); err == nil {
				res.Diff, _ = r.Diff(ctx)
			}
		}
		return candidateMessage(s.Config.Name, v, res.Image), true, nil
	}
	res.Commit, res.Changed, err = gitrepo.Update(ctx, c.Git, c.Branch, mutate, gitrepo.UpdateOptions{Options: s.gitOptions(), History: c.Path == ".", DryRun: s.DryRun})
	return res, err
}

// sourceCommit is the trailer that says what a candidate was made from.
const sourceCommit = "Source-Commit"

func candidateMessage(name string, v *VersionResult, img string) string {
	m := fmt.Sprintf("Candidate %s %s\n\n%s: %s\n", name, v.Chart, sourceCommit, v.Commit)
	if v.Tag != "" {
		m += "Source-Tag: " + v.Tag + "\n"
	}
	if img != "" {
		m += "Image: " + img + "\n"
	}
	if v.CI.Run != "" {
		m += "Run: " + v.CI.Run + "\n"
	}
	return m
}

// values is what each field of the configuration stands for.
func values(v version.Version, img *BuildResult) map[string]string {
	m := map[string]string{"chartVersion": v.Chart, "appVersion": v.App, "commit": v.Commit, "imageTag": v.ImageTag}
	if img != nil {
		m["imageRepository"], m["imageTag"], m["imageDigest"] = img.Repository, img.Tag, img.Digest
	}
	return m
}

// fieldsIn are the fields that a candidate sets in the chart in a directory of the candidates' repository.
func fieldsIn(c *config.Config, root *os.Root, dir string) (config.Fields, error) {
	values, err := root.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", chart.ErrNoChart, err)
	}
	return fieldsOf(c, values)
}

// escapes names the fault of a link that leads out of the candidates' repository. Whoever may push there must not have
// files of this machine changed; os.Root refuses to follow such a link and has no error of its own for it.
func escapes(err error) error {
	if err != nil && strings.Contains(err.Error(), "path escapes from parent") {
		return fmt.Errorf("a link leads out of the candidates' repository; put the file itself there: %w: %w", chart.ErrUnsafe, err)
	}
	return err
}

// setScalars writes the configured scalars of the chart in dir and leaves every other byte alone.
func setScalars(root *os.Root, dir string, scalars config.Fields, vals map[string]string) error {
	for file, paths := range scalars {
		path := filepath.Join(dir, file)
		old, err := root.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%w: the chart has no %s: %w", chart.ErrNoChart, file, err)
		}
		var changes []chart.Change
		for p, field := range paths {
			v, ok := vals[field]
			if !ok {
				return fmt.Errorf("%w: %s of %s gets %s, and no stage builds an image", config.ErrInvalid, p, file, field)
			}
			changes = append(changes, chart.Change{Path: p, Value: v})
		}
		slices.SortFunc(changes, func(a, b chart.Change) int { return strings.Compare(a.Path, b.Path) })
		edited, err := chart.Edit(old, changes)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if !bytes.Equal(old, edited) {
			if err := root.WriteFile(path, edited, 0o644); err != nil {
				return fmt.Errorf("writing %s: %w", file, err)
			}
		}
	}
	return nil
}

// syncChart makes the chart in target the same as source's. Where the chart shares the root of its repository with other
// files (CI, README), only directories that the chart itself has are cleared.
func syncChart(source string, root *os.Root, target string) error {
	if _, err := os.Stat(filepath.Join(source, "Chart.yaml")); err != nil {
		return fmt.Errorf("%w: the commit has no Chart.yaml in chart.path: %w", chart.ErrNoChart, err)
	}
	var clear []string
	if target != "." {
		clear = []string{target}
	} else {
		entries, err := os.ReadDir(source)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() {
				clear = append(clear, filepath.Join(target, e.Name()))
			}
		}
	}
	for _, c := range clear {
		if err := root.RemoveAll(c); err != nil {
			return fmt.Errorf("replacing the chart: %w", err)
		}
	}
	return filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return copyEntry(path, root, filepath.Join(target, rel), d)
	})
}

func copyEntry(from string, root *os.Root, to string, d fs.DirEntry) error {
	if d.IsDir() {
		return root.MkdirAll(to, 0o755)
	}
	// A link that is there would be written through.
	if err := root.RemoveAll(to); err != nil {
		return err
	}
	if d.Type()&fs.ModeSymlink != 0 {
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return root.Symlink(link, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	return root.WriteFile(to, data, info.Mode().Perm())
}
