package step

import (
	"context"
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// facts gathers the facts about the commit for the tags of a chart or of a program. Where both have tags, the build of a tag of one
// of them is also a build of the other's tag at this commit.
func (p *Project) facts(ctx context.Context, tags version.Tags) (version.Facts, error) {
	f, build, err := gitrepo.Facts(ctx, p.Dir, gitrepo.FactsOptions{Tags: tags, Env: p.Env, Options: p.gitToRead()})
	if err != nil || build.Tag == "" || tags.IsVersion(f.Tag) || f.Tag == "" {
		return f, err
	}
	r, err := p.source(ctx)
	if err != nil {
		return f, err
	}
	at, err := r.TagsAt(ctx, "HEAD")
	if own := tags.Highest(at); own != "" {
		f.Tag = own
	}
	return f, err
}

// hasNoProgram reports whether a candidate gets nothing of the version of a program: the chart is one of several, has a version of its
// own, no stage builds, and no field is set to one. The history of the program's tags is then not read.
func (p *Project) hasNoProgram() bool {
	f := p.Config.Chart.Fields
	return len(p.Config.Whole().Charts) > 0 && p.Config.Chart.Version != nil && p.Config.Builder() == nil && !f.Sets(config.AppVersion) && !f.Sets(config.ImageTag)
}

// fileFacts are the facts about the commit of a chart whose version is in Chart.yaml: no tag counts.
func (p *Project) fileFacts(ctx context.Context, tags version.Tags) (f version.Facts, err error) {
	r, err := p.source(ctx)
	if err != nil {
		return f, err
	}
	f.Tags = tags
	if f.Commit, err = r.Head(ctx); err != nil {
		return f, fmt.Errorf("this repository has no commit yet; create one first: %w", err)
	}
	if f.Dirty, err = r.IsDirty(ctx); err != nil {
		return f, err
	}
	f.Shallow, err = r.IsShallow(ctx)
	return f, err
}

// scope restricts the facts to the commits that changed the chart, where it does not depend on the whole repository: its version stays
// the same until it changes. Before its first change after a release it is still that release.
func (p *Project) scope(ctx context.Context, f *version.Facts) error {
	if len(p.Config.Whole().Charts) == 0 || f.Tags.IsVersion(f.Tag) || f.Shallow || f.Dirty {
		return nil
	}
	charts, err := p.charts(ctx)
	if err != nil {
		return err
	}
	paths := charts.Paths(p.Config)
	if paths == nil {
		return nil
	}
	r, err := p.source(ctx)
	if err != nil {
		return err
	}
	base := ""
	if f.BaseTag != "" {
		base = "refs/tags/" + f.BaseTag
	}
	if base != "" || !p.VersionIsInFile() { // a version in Chart.yaml does not count commits
		if f.Distance, err = r.CountChanges(ctx, base, "HEAD", paths...); err != nil {
			return err
		}
	}
	if f.Distance == 0 && base != "" {
		f.Tag = f.BaseTag
		f.Commit, err = r.Resolve(ctx, base)
		return err
	}
	f.Commit, err = r.LastChange(ctx, "HEAD", paths...)
	return err
}

// chartVersion replaces the version of the program by that of its chart, where the chart has one of its own.
func (p *Project) chartVersion(ctx context.Context, v *VersionResult) error {
	own := p.Config.Chart.Version
	if own == nil {
		return nil
	}
	gather := p.facts
	if own.From == config.FromFile && p.hasNoProgram() {
		gather = p.fileFacts
	}
	f, err := gather(ctx, own.Tags())
	if err != nil {
		return err
	}
	f.Dirty = f.Dirty && !p.DryRun
	if err := p.scope(ctx, &f); err != nil {
		return err
	}
	var c version.Version
	if own.From == config.FromFile {
		c, err = p.versionInFile(ctx, f)
	} else {
		c, err = version.Derive(f, p.Config.Version.Scheme)
	}
	if err != nil {
		return err
	}
	v.Chart, v.Release, v.Prerelease, v.BaseTag = c.Chart, c.Release, c.Prerelease, f.BaseTag
	v.Tag = ""
	if own.Tags().IsVersion(f.Tag) {
		v.Tag = f.Tag
	}
	if p.Config.Builder() == nil {
		v.Commit = c.Commit
	}
	if v.App == "" { // of no program
		v.App, v.ImageTag = v.Commit[:version.ShortHashLength], v.Commit[:version.ShortHashLength]
	}
	return nil
}

// versionInFile is the version that Chart.yaml has in the commit: a release, or a prerelease.
func (p *Project) versionInFile(ctx context.Context, f version.Facts) (version.Version, error) {
	switch {
	case f.Dirty:
		return version.Version{}, version.ErrDirty
	case f.Shallow:
		return version.Version{}, version.ErrShallow
	}
	m, err := p.metadataAt(ctx, "HEAD")
	if err != nil {
		return version.Version{}, err
	}
	parsed, err := semver.StrictNewVersion(m.Version)
	if err != nil {
		return version.Version{}, fmt.Errorf("version %q of Chart.yaml in %s: %w; use three numbers, such as 1.4.0", m.Version, p.Config.Chart.Path, version.ErrNotAVersion)
	}
	return version.Version{Chart: m.Version, Commit: f.Commit, Release: parsed.Prerelease() == "", Prerelease: parsed.Prerelease() != ""}, nil
}

// metadataAt is the chart's Chart.yaml at a revision. One process of git reads those of all charts: a project that only reads does not ask
// again for the next chart. Error: gitrepo.ErrNoRef.
func (p *Project) metadataAt(ctx context.Context, ref string) (*chart.Metadata, error) {
	r, err := p.source(ctx)
	if err != nil {
		return nil, err
	}
	paths := []string{p.Config.Chart.Path}
	if all := p.Config.Whole().Charts; len(all) > 0 {
		paths = paths[:0]
		for i := range all {
			paths = append(paths, all[i].Path)
		}
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = ref + ":" + path + "/Chart.yaml"
	}
	objects, err := r.Objects(ctx, true, names...)
	if err != nil {
		return nil, err
	}
	own := slices.Index(paths, p.Config.Chart.Path)
	if own < 0 || objects[own].Content == nil {
		return nil, fmt.Errorf("%s/Chart.yaml at %s: %w", p.Config.Chart.Path, ref, gitrepo.ErrNoRef)
	}
	return chart.ReadMetadata(objects[own].Content)
}

// checkRaised rejects a chart whose version is that of Chart.yaml, and that was changed without a higher one: since the release of this
// version, or since a branch, tag or commit. Error: candidate.ErrNotRaised.
func (p *Project) checkRaised(ctx context.Context, since string) error {
	own := p.Config.Chart.Version
	if own == nil || own.From != config.FromFile {
		return nil
	}
	charts, err := p.charts(ctx)
	if err != nil {
		return err
	}
	changed, err := charts.Changed(ctx, p.build(), since)
	if err != nil {
		return err
	}
	now, err := p.metadataAt(ctx, "HEAD")
	if err != nil {
		return err
	}
	for _, c := range changed {
		if c.Name != p.Config.Label() || c.Since == "" || c.Since == p.tagAtHead(ctx) {
			continue
		}
		if since == "" && !own.Tags().IsVersion(c.Since) {
			continue // the commit that set the version may be one of several that are one change
		}
		before, err := p.versionBefore(ctx, c.Since, since)
		if err != nil {
			return err
		}
		if before != "" && version.Compare(now.Version, before) <= 0 {
			return fmt.Errorf("%w: %s, and its version is still %s; raise version in %s/Chart.yaml, or run chart-promoter release%s",
				candidate.ErrNotRaised, c.Why, now.Version, p.Config.Chart.Path, p.chartFlag())
		}
	}
	return nil
}

// tagAtHead is the tag of the chart's version at the commit itself, "" if it has none.
func (p *Project) tagAtHead(ctx context.Context) string {
	r, err := p.source(ctx)
	if err != nil {
		return ""
	}
	at, err := r.TagsAt(ctx, "HEAD")
	if err != nil {
		return ""
	}
	return p.Config.ChartTags().Highest(at)
}

// versionBefore is the version that Chart.yaml had at the tag of a release, or where the history left since; "" if there was no chart.
func (p *Project) versionBefore(ctx context.Context, tag, since string) (string, error) {
	r, err := p.source(ctx)
	if err != nil {
		return "", err
	}
	ref := "refs/tags/" + tag
	if since != "" {
		if ref, err = r.MergeBase(ctx, since, "HEAD"); err != nil {
			return "", err
		}
	}
	objects, err := r.Objects(ctx, true, ref+":"+p.Config.Chart.Path+"/Chart.yaml")
	if err != nil || objects[0].Hash == "" {
		return "", err
	}
	m, err := chart.ReadMetadata(objects[0].Content)
	if err != nil {
		return "", err
	}
	return m.Version, nil
}

// chartFlag is the flag that selects the chart in a command, "" where the command without it is also of the chart.
func (p *Project) chartFlag() string {
	if p.Config.Chart.Name == "" && p.Config.Chart.Version == nil {
		return ""
	}
	return " --chart " + p.Config.Label()
}
