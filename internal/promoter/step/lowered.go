package step

import (
	"context"
	"fmt"
	"path"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// ErrLowered is the error of a chart that would get a version below one that is released: who has that one would never be upgraded.
var ErrLowered = failure.New(failure.BadInput, "the chart would get a lower version than the one that is released")

// checkLowered rejects a version of a commit when Chart.yaml has a higher one there and a tag states that it is released. Error: ErrLowered.
func (p *Project) checkLowered(ctx context.Context, v *VersionResult) error {
	c := p.Config.Chart
	if c.Path == "" || p.VersionIsInFile() || c.Fields != nil && !c.Fields.Sets(config.ChartVersion) {
		return nil
	}
	r, err := p.source(ctx)
	if err != nil {
		return err
	}
	file := path.Join(filepath.ToSlash(c.Path), "Chart.yaml")
	objects, err := r.Objects(ctx, true, v.Commit+":"+file)
	if err != nil || objects[0].Content == nil {
		return err
	}
	m, err := chart.ReadMetadata(objects[0].Content)
	if err != nil || version.Compare(v.Chart, m.Version) >= 0 {
		return nil // the steps that need the chart report what is wrong with it
	}
	all, err := r.Tags(ctx)
	if err != nil {
		return err
	}
	several := len(p.Config.Whole().Charts) > 0
	tag := p.Config.ChartTags().ReleasedAbove(v.Chart, m.Version, m.Name, all, several)
	if tag == "" {
		return nil
	}
	return fmt.Errorf("%w: %s has %s, which tag %s states is released, and this commit would be %s; let the version follow such tags with `version: {tagPrefix: %s}` in %s of the configuration",
		ErrLowered, file, m.Version, tag, v.Chart, version.ChartPrefix(tag, m.Name, several), map[bool]string{true: "the entry of charts", false: "chart"}[several])
}
