package chart

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Unpack writes the files of the package into a directory, which is created: Chart.yaml is at its top. Errors: ErrNoChart, ErrUnsafe.
func (p *Package) Unpack(dir string) error {
	top, err := inspect(p.Bytes)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("unpack %s: %w", p.Filename(), err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", p.Filename(), err)
	}
	defer root.Close()
	return eachFile(p.Bytes, func(h *tar.Header, content io.Reader) error {
		name, inside := strings.CutPrefix(h.Name, top+"/")
		if h.Typeflag != tar.TypeReg || !inside {
			return nil
		}
		data, err := io.ReadAll(content) // inspect has limited it
		if err == nil {
			err = root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755)
		}
		if err == nil {
			err = root.WriteFile(filepath.FromSlash(name), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w: %w", h.Name, failure.ErrInput, err) // such as a file where another one needs a directory
		}
		return nil
	})
}
