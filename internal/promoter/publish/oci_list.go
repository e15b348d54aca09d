package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func isVersion(tag string) bool {
	_, err := semver.NewVersion(strings.ReplaceAll(tag, "_", "+"))
	return err == nil && !strings.HasPrefix(tag, "sha256-")
}

func isRelease(tag string) bool {
	v, err := semver.NewVersion(strings.ReplaceAll(tag, "_", "+"))
	return err == nil && v.Prerelease() == ""
}

// versions returns the tags of a chart that are versions, the highest first.
func (t *ociTarget) versions(ctx context.Context, repo name.Repository) ([]string, error) {
	tags, err := image.ListTags(ctx, t.puller, repo)
	if err := classify(err); err != nil && !errors.Is(err, errNotFound) {
		return nil, err
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return !isVersion(tag) })
	slices.SortFunc(tags, func(a, b string) int {
		return version.Compare(strings.ReplaceAll(b, "_", "+"), strings.ReplaceAll(a, "_", "+"))
	})
	return tags, nil
}

// List reads the charts from the registry's catalogue if none is named; many
// registries have no catalogue.
func (t *ociTarget) List(ctx context.Context, names ...string) ([]index.Entry, error) {
	return t.Newest(ctx, 0, names...)
}

// Newest reads several versions at the same time, and only those that it returns.
func (t *ociTarget) Newest(ctx context.Context, limit int, names ...string) ([]index.Entry, error) {
	if len(names) == 0 {
		var err error
		if names, err = t.catalogue(ctx); err != nil {
			return nil, err
		}
	}
	var refs []name.Tag
	for _, n := range names {
		repo, err := t.repository(n)
		if err != nil {
			return nil, err
		}
		tags, err := t.versions(ctx, repo)
		if err != nil {
			return nil, err
		}
		if limit > 0 {
			tags = tags[:min(limit, len(tags))]
		}
		for _, tag := range tags {
			refs = append(refs, repo.Tag(tag))
		}
	}
	return t.entries(ctx, refs)
}

func (t *ociTarget) entries(ctx context.Context, refs []name.Tag) ([]index.Entry, error) {
	all := make([]index.Entry, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, ref := range refs {
		group.Go(func() error {
			e, err := t.entry(ctx, ref.Context(), ref.TagStr())
			if errors.Is(err, errNotFound) {
				return nil // yanked meanwhile
			}
			all[i] = e
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(e index.Entry) bool { return e.Metadata == nil }), nil
}

func (t *ociTarget) entry(ctx context.Context, repo name.Repository, tag string) (index.Entry, error) {
	e := index.Entry{Metadata: &chart.Metadata{}, URLs: []string{fmt.Sprintf("%s://%s:%s", ociScheme, repo, tag)}}
	m, _, err := t.manifest(ctx, repo.Tag(tag))
	if err != nil {
		return e, err
	}
	config, err := t.blob(ctx, repo, m.Config.Digest, maxConfig)
	if err != nil {
		return e, err
	}
	if err := json.NewDecoder(bytes.NewReader(config)).Decode(e.Metadata); err != nil {
		return e, fmt.Errorf("%s:%s is not a chart: %w: %w", repo, tag, ErrUnusable, err)
	}
	digest, _ := layer(m, chartMediaType)
	e.Digest = digest.Hex
	e.Created, _ = time.Parse(time.RFC3339, m.Annotations[createdAnnotation])
	return e, nil
}

func (t *ociTarget) catalogue(ctx context.Context) ([]string, error) {
	repo, err := t.repository("chart")
	if err != nil {
		return nil, err
	}
	all, err := image.Catalogue(ctx, t.puller, repo.Registry)
	if err != nil {
		return nil, fmt.Errorf("the registry does not list its charts; name them: %w", classify(err))
	}
	prefix := strings.TrimSuffix(repo.RepositoryStr(), "chart")
	var names []string
	for _, r := range all {
		if n, ok := strings.CutPrefix(r, prefix); ok && !strings.Contains(n, "/") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}
