package change

import (
	"context"
	"fmt"
	"path"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// base is what a chart is compared with.
type base struct {
	// ref is a revision, empty if the chart is changed, or not, without a comparison; name is how messages call it.
	ref, name string
	// why is the reason without a comparison, empty if the chart is not changed.
	why string
}

func (b base) compare() bool { return b.ref != "" }

// bases returns what each chart is compared with.
func (s *Charts) bases(ctx context.Context, build ci.Build, since string) ([]base, error) {
	list := make([]base, len(s.charts))
	if since != "" {
		at, err := s.repo.MergeBase(ctx, since, "HEAD")
		if err != nil {
			return nil, fmt.Errorf("compare with %s: %w", since, err)
		}
		for i := range list {
			list[i] = base{ref: at, name: since}
		}
		return list, nil
	}
	reachable, err := s.repo.TagsReachable(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	atHead, err := s.tagsOfBuild(ctx, build)
	if err != nil {
		return nil, err
	}
	tagged := build.Tag != "" && s.isRelease(build.Tag)
	for i, one := range s.charts {
		tags := one.ChartTags()
		switch tag := tags.Highest(atHead); {
		case tag != "":
			list[i] = base{name: tag, why: "the commit is " + tag}
		case tagged: // the release of another chart
		default:
			if list[i], err = s.lastRelease(ctx, one, reachable); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// lastRelease is the base of a chart in a development build.
func (s *Charts) lastRelease(ctx context.Context, c *config.Config, reachable []string) (base, error) {
	tags := c.ChartTags()
	last := tags.Highest(reachable)
	if v := c.Chart.Version; v != nil && v.From == config.FromFile {
		last = ""
		for _, tag := range reachable {
			if m := s.Metadata(c); m != nil && tags.IsVersion(tag) && tags.Compare(tag, tags.Tag(m.Version)) == 0 {
				last = tag
			}
		}
		if last == "" {
			return s.versionSet(ctx, c)
		}
	}
	if last == "" {
		return base{why: "no commit before this one has a tag of a release, such as " + tags.Tag("0.1.0")}, nil
	}
	return base{ref: "refs/tags/" + last, name: last}, nil
}

// versionSet is the base of a chart whose version is in Chart.yaml and has no tag: the commit of the branch that set this version, which
// is its release. The branch itself counts: a merge sets what the merged commits have set.
func (s *Charts) versionSet(ctx context.Context, c *config.Config) (base, error) {
	file := path.Join(clean(c.Chart.Path), "Chart.yaml")
	commits, err := s.repo.MergedLog(ctx, "HEAD", 0, file)
	if err != nil {
		return base{}, err
	}
	names := make([]string, len(commits))
	for i, commit := range commits {
		names[i] = commit.Hash + ":" + file
	}
	objects, err := s.repo.Objects(ctx, true, names...)
	if err != nil {
		return base{}, err
	}
	now, set := s.Metadata(c).Version, 0
	for set < len(objects) && chart.VersionIn(objects[set].Content) == now {
		set++
	}
	if set == 0 { // what is committed cannot be read, or the history has a form that is not expected
		return base{why: "it is not known which commit set version " + now}, nil
	}
	shallow, err := s.repo.IsShallow(ctx)
	if err != nil {
		return base{}, err
	}
	if set == len(objects) && shallow {
		return base{why: "the history is cut off, so that it is not known which commit set version " + now}, nil
	}
	head, err := s.repo.Head(ctx)
	if err != nil {
		return base{}, err
	}
	at := commits[set-1].Hash
	if at == head {
		return base{name: at[:version.ShortHashLength], why: "the commit sets version " + now}, nil
	}
	return base{ref: at, name: at[:version.ShortHashLength]}, nil
}

// tagsOfBuild are the tags that make this build one of a release: that of the CI engine or, outside CI, those of the commit.
func (s *Charts) tagsOfBuild(ctx context.Context, build ci.Build) ([]string, error) {
	switch {
	case build.Engine == "":
		return s.repo.TagsAt(ctx, "HEAD")
	case build.Tag == "":
		return nil, nil
	}
	return []string{build.Tag}, nil
}

// isRelease reports whether a tag is a release of any of the charts.
func (s *Charts) isRelease(tag string) bool {
	for _, one := range s.charts {
		if one.ChartTags().IsVersion(tag) {
			return true
		}
	}
	return false
}
