package change

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
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
			list[i] = s.lastRelease(one, reachable)
		}
	}
	return list, nil
}

// lastRelease is the base of a chart in a development build.
func (s *Charts) lastRelease(c *config.Config, reachable []string) base {
	tags := c.ChartTags()
	last := tags.Highest(reachable)
	if v := c.Chart.Version; v != nil && v.From == config.FromFile {
		last = ""
		for _, tag := range reachable {
			if m := s.Metadata(c); m != nil && tags.IsVersion(tag) && tags.Compare(tag, tags.Tag(m.Version)) == 0 {
				last = tag
			}
		}
	}
	if last == "" {
		return base{why: "no commit before this one has a tag of a release, such as " + tags.Tag("0.1.0")}
	}
	return base{ref: "refs/tags/" + last, name: last}
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
