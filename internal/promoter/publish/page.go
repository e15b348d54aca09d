package publish

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
)

// landing returns the page that belongs to an index. Its content is nil if the target has no page, and if the existing page
// belongs to others and is kept.
func (f folder) landing(index []byte) (landing file, kept bool, err error) {
	if f.page == nil {
		return file{}, false, nil
	}
	landing.name = f.page.Name
	if kept, err = f.foreign(landing.name); kept || err != nil {
		return landing, kept, err
	}
	landing.content, err = f.page.Render(index)
	return landing, false, err
}

// foreign reports whether a page exists that this program did not write, or that
// was changed since.
func (f folder) foreign(name string) (bool, error) {
	page, err := f.read(name)
	return page != nil && !seal.Intact(page), err
}

// keepPage writes a page beside the index.
func (f folder) keepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error) {
	r := Result{Location: f.location(name)}
	var err error
	if r.PageKept, err = f.foreign(name); r.PageKept || err != nil {
		return r, err
	}
	content, err := render(ctx)
	if err != nil {
		return r, err
	}
	r.Changed, err = f.writeAll([]file{{name, content}})
	return r, err
}

func (d *directory) KeepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error) {
	return d.exclusive(ctx, func(f folder) (Result, error) { return f.keepPage(ctx, name, render) })
}

func (g *gitTarget) KeepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error) {
	return g.change(ctx, g.files(name), "Update "+name, func(f folder) (Result, error) { return f.keepPage(ctx, name, render) })
}

func (t *ociTarget) KeepPage(context.Context, string, func(context.Context) ([]byte, error)) (Result, error) {
	return Result{}, fmt.Errorf("a registry has no pages: %w", ErrConfig)
}
