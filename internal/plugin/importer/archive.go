package importer

import (
	"archive/zip"
	"bytes"
	"io"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// exportName is the entry of Polar's archive with the network. The others are files of the nodes, which are not read.
const exportName = "export.json"

// Read returns the content of a file, or of the entry with the network if the file is an archive of Polar, which has the data of all nodes and
// may be large.
func Read(file string, r io.ReaderAt, size int64) ([]byte, error) {
	magic := make([]byte, 4)
	if n, _ := r.ReadAt(magic, 0); n == len(magic) && bytes.Equal(magic, []byte("PK\x03\x04")) {
		return readArchive(file, r, size)
	}
	return limited(file, io.NewSectionReader(r, 0, size))
}

func readArchive(file string, r io.ReaderAt, size int64) ([]byte, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, invalid.Errorf("%s is no complete zip file: export the network again", file)
	}
	for _, entry := range archive.File {
		if entry.Name != exportName {
			continue
		}
		content, err := entry.Open()
		if err != nil {
			return nil, damaged(file)
		}
		defer content.Close() //nolint:errcheck // it was only read
		data, err := limited(exportName+" in "+file, content)
		if _, tooLarge := err.(*invalid.Error); err != nil && !tooLarge { //nolint:errorlint // of limited, as it is
			return nil, damaged(file)
		}
		return data, err
	}
	return nil, invalid.Errorf("%s has no %s: name the zip file of Export Network in Polar", file, exportName)
}

func damaged(file string) error {
	return invalid.Errorf("%s in %s cannot be read: export the network again", exportName, file)
}

// limited reads up to MaxSize, whatever the file claims.
func limited(file string, from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = TooLarge(file)
	}
	return data, err
}
