package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// State is what Write does with a file.
type State string

const (
	// Written is a new file, Same one that exists with the same content.
	Written State = "written"
	Same    State = "exists"
	// Replaced is a file of CI that had other content.
	Replaced State = "replaced"
)

// Planned is a file and its state.
type Planned struct {
	File
	State State `json:"state"`
}

// Plan compares the configuration and CI's files with those below root. A file that exists with other content is an error,
// except CI's when they may be replaced.
func Plan(root string, config File, ci []File, replace bool) ([]Planned, error) {
	var plan []Planned
	var wrong []string
	for i, f := range append([]File{config}, ci...) {
		old, err := os.ReadFile(filepath.Join(root, f.Path))
		state := Written
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			wrong = append(wrong, err.Error())
		case bytes.Equal(old, []byte(f.Content)):
			state = Same
		case i == 0:
			wrong = append(wrong, fmt.Sprintf("%s exists with other content and is never replaced; move it away, or create CI's files from it with --force", f.Path))
		case replace:
			state = Replaced
		default:
			wrong = append(wrong, fmt.Sprintf("%s exists with other content; move it away, or replace it with --force", f.Path))
		}
		plan = append(plan, Planned{f, state})
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%w; nothing was written: %s", failure.ErrInput, strings.Join(wrong, "; "))
	}
	return plan, nil
}

// Write writes all files of a plan or none: all of them are complete under temporary names before the first gets its own.
func Write(root string, plan []Planned) (err error) {
	var created, placed []string
	defer func() {
		for _, path := range created {
			_ = os.Remove(path)
		}
		if err != nil {
			for _, path := range placed {
				_ = os.Remove(path)
			}
			err = fmt.Errorf("%w: nothing was written: %w", failure.ErrInput, err)
		}
	}()
	for _, f := range plan {
		if f.State == Same {
			continue
		}
		path := filepath.Join(root, f.Path)
		if err := atomicfile.WriteMkdir(path+".new", []byte(f.Content), 0o644); err != nil {
			return err
		}
		created = append(created, path+".new")
	}
	for _, f := range plan {
		path := filepath.Join(root, f.Path)
		switch f.State {
		case Written:
			// Unlike a rename, a link fails for a file that was created meanwhile.
			if err := os.Link(path+".new", path); err != nil {
				return err
			}
			placed = append(placed, path)
		case Replaced:
			if err := os.Rename(path+".new", path); err != nil {
				return err
			}
		case Same:
		}
	}
	return nil
}
