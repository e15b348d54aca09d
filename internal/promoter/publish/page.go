package publish

import (
	"bytes"
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
)

// landing returns the page that belongs to an index. Its content is nil if the target has no page, and if the existing page
// belongs to others and is kept.
func (f folder) landing(text index.Text) (landing file, kept bool, err error) {
	if f.page == nil {
		return file{}, false, nil
	}
	landing.name = f.page.Name
	if kept, err = f.foreign(landing.name); kept || err != nil {
		return landing, kept, err
	}
	page, err := f.page.Render(text.Bytes())
	return one(landing.name, page), false, err
}

// foreign reports whether a page exists that this program did not write, or that
// was changed since.
func (f folder) foreign(name string) (bool, error) {
	page, err := f.read(name)
	return page != nil && !seal.Intact(page), err
}

// maxRenderings of one page. Whoever changes the index so often also writes the page afterwards.
const maxRenderings = 5

// rendering is a page with the index that it was rendered for: rendering takes long, as it reads all stages, and holds no lock.
type rendering struct {
	name    string
	render  func(context.Context) ([]byte, error)
	times   int
	index   []byte
	content []byte
}

// prepare renders the page unless it is that of the present index. It returns false if the page is to be left as it is: it belongs
// to others, or the index keeps changing.
func (r *rendering) prepare(ctx context.Context, f folder) (ready bool, res Result, err error) {
	res.Location = f.location(r.name)
	if res.PageKept, err = f.foreign(r.name); res.PageKept || err != nil {
		return false, res, err
	}
	index, err := f.read(indexFile)
	if err != nil {
		return false, res, err
	}
	if r.times > 0 && bytes.Equal(index, r.index) {
		return true, res, nil
	}
	if r.times >= maxRenderings {
		return false, res, nil
	}
	r.times++
	r.index = index
	r.content, err = r.render(ctx)
	return err == nil, res, err
}

// write writes the page if it is still that of the index.
func (r *rendering) write(f folder) (outdated bool, res Result, err error) {
	res.Location = f.location(r.name)
	if res.PageKept, err = f.foreign(r.name); res.PageKept || err != nil {
		return false, res, err
	}
	index, err := f.read(indexFile)
	if err != nil || !bytes.Equal(index, r.index) {
		return err == nil, res, err
	}
	res.Changed, err = f.writeAll([]file{one(r.name, r.content)})
	return false, res, err
}

func (d *directory) KeepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error) {
	page := rendering{name: name, render: render}
	for {
		ready, res, err := page.prepare(ctx, d.folder)
		if err != nil || !ready {
			return res, err
		}
		outdated := false
		res, err = d.exclusive(ctx, func(f folder) (res Result, err error) {
			outdated, res, err = page.write(f)
			return res, err
		})
		if err != nil || !outdated {
			return res, err
		}
	}
}

// KeepPage of a git target has no lock to hold: a push that others overtook is repeated with the page at hand if the index is the same.
func (g *gitTarget) KeepPage(ctx context.Context, name string, render func(context.Context) ([]byte, error)) (Result, error) {
	page := rendering{name: name, render: render}
	return g.change(ctx, g.files(name), "Update "+name, func(f folder) (Result, error) {
		ready, res, err := page.prepare(ctx, f)
		if err != nil || !ready {
			return res, err
		}
		_, res, err = page.write(f)
		return res, err
	})
}

func (t *ociTarget) KeepPage(context.Context, string, func(context.Context) ([]byte, error)) (Result, error) {
	return Result{}, fmt.Errorf("a registry has no pages: %w", ErrConfig)
}
