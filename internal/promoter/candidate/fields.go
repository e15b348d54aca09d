package candidate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// values are the values that the configuration can name, of one candidate.
func (r Repository) values(u Update) map[string]string {
	v := u.Version
	m := map[string]string{config.ChartVersion: v.Chart, config.AppVersion: v.App, config.Commit: v.Commit, config.ImageTag: v.ImageTag}
	m[config.Prerelease], m[config.Changes] = strconv.FormatBool(!v.Release), u.Changes
	if len(u.Images) > 0 {
		m[config.Images] = imagesText(u.Images)
	}
	for i, img := range u.Images {
		registry, path := image.Split(img.Repository)
		for name, value := range map[string]string{
			config.ImageWhole: img.Ref(), config.ImageTagged: image.Reference(img.Repository, img.Tag, ""),
			config.ImageRepository: img.Repository, config.ImageRegistry: registry, config.ImagePath: path, config.ImageTag: img.Tag, config.ImageDigest: img.Digest,
		} {
			m[r.Config.Of(i, name)] = value
		}
	}
	return m
}

// fieldsIn are the fields that a candidate sets in the chart in a directory of the candidates' repository.
func (r Repository) fieldsIn(root *os.Root, dir string) (config.Fields, error) {
	values, err := root.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", chart.ErrNoChart, err)
	}
	return fieldsOf(r.Config, values, func() bool { return usesAppVersion(root, dir) })
}

// usesAppVersion reports whether a template of the chart in dir reads the chart's appVersion.
func usesAppVersion(root *os.Root, dir string) bool {
	found := false
	_ = fs.WalkDir(root.FS(), filepath.ToSlash(filepath.Join(dir, "templates")), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := root.ReadFile(path)
		if bytes.Contains(data, []byte(".AppVersion")) {
			found = true
			return fs.SkipAll
		}
		return err
	})
	return found
}

// setFields writes the fields of the chart in dir and leaves every other byte as it is.
func setFields(root *os.Root, dir string, fields config.Fields, values map[string]string) error {
	for file, paths := range fields {
		path := filepath.Join(dir, file)
		old, err := root.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%w: the chart has no %s: %w", chart.ErrNoChart, file, err)
		}
		var changes []chart.Change
		for p, name := range paths {
			v, ok := values[name]
			if !ok {
				return fmt.Errorf("%w: %s of %s is set to %s, but no stage builds an image", config.ErrInvalid, p, file, name)
			}
			changes = append(changes, chart.Change{Path: p, Value: v})
		}
		slices.SortFunc(changes, func(a, b chart.Change) int { return strings.Compare(a.Path, b.Path) })
		edited, err := chart.Edit(old, changes)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if bytes.Equal(old, edited) {
			continue
		}
		if err := root.WriteFile(path, edited, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	return nil
}
