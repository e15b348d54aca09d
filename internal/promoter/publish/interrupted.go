package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// unlisted is the file that exists while a directory may have an archive that no index has named yet. Without it nothing would
// distinguish what an interrupted run left, which nobody could install, from the archive of a yanked version, which must keep its content.
func unlisted(archive string) string { return ".chart-promoter." + archive + ".unlisted" }

// admit decides about an archive without an index entry: that of an interrupted run is removed with what belongs to it, the same
// content is published again, and any other content is an *index.DigestConflictError. archive is the content, nil for none.
func (f folder) admit(item Item, archive []byte) error {
	p := item.Package
	note, err := f.read(unlisted(p.Filename()))
	if err != nil {
		return err
	}
	if archive != nil && chart.Digest(archive) != p.Digest {
		if note == nil {
			conflict := &index.DigestConflictError{Name: p.Name, Version: p.Version, Published: chart.Digest(archive), Offered: p.Digest}
			return fmt.Errorf("%w, or remove %s there if this version was never in the index", conflict, p.Filename())
		}
		if item.DryRun {
			return nil
		}
		for _, name := range []string{p.Filename() + ".prov", attestationsFile(p.Name, p.Version), p.Filename()} {
			if err := f.remove(name); err != nil {
				return err
			}
		}
		archive = nil
	}
	if !f.journal || item.DryRun || archive != nil || note != nil {
		return nil
	}
	_, err = f.writeAll([]file{one(unlisted(p.Filename()), []byte("no index names this archive yet\n"))})
	return err
}

func (f folder) remove(name string) error {
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return nil
}
