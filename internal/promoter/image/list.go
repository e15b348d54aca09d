package image

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// maxPages is how many pages of a list are read; the library requests a thousand names in each, and registries send fifty or more.
const maxPages = 2000

var errEndlessList = failure.New(failure.External, "the list of the registry does not end")

// ListTags is the library's list of the tags of a repository, with an end. Errors: those of the library, and one for a list without end.
func ListTags(ctx context.Context, p *remote.Puller, repository name.Repository) ([]string, error) {
	l, err := p.Lister(ctx, repository)
	if err != nil {
		return nil, err
	}
	return allPages(l.HasNext, func() ([]string, error) {
		page, err := l.Next(ctx)
		if err != nil {
			return nil, err
		}
		return page.Tags, nil
	})
}

// Catalogue is ListTags for the repositories of a registry.
func Catalogue(ctx context.Context, p *remote.Puller, registry name.Registry) ([]string, error) {
	c, err := p.Catalogger(ctx, registry)
	if err != nil {
		return nil, err
	}
	return allPages(c.HasNext, func() ([]string, error) {
		page, err := c.Next(ctx)
		if err != nil {
			return nil, err
		}
		return page.Repos, nil
	})
}

func allPages(more func() bool, next func() ([]string, error)) ([]string, error) {
	var names []string
	for pages := 0; more(); pages++ {
		if pages == maxPages {
			return nil, fmt.Errorf("%w: it has more than %d pages", errEndlessList, maxPages)
		}
		page, err := next()
		if err != nil {
			return nil, err
		}
		names = append(names, page...)
	}
	return names, nil
}
