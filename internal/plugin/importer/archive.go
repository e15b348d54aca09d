package importer

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// exportName is the entry of Polar's archive with the network. The others are files of the nodes, which are not read.
const exportName = "export.json"

// Read returns the content of a file, or of the entry with the network if the file is an archive of Polar, which has the data of all nodes and
// may be large.
func Read(file string, r io.ReaderAt, size int64) ([]byte, error) {
	magic := make([]byte, 4)
	if n, _ := r.ReadAt(magic, 0); IsArchive(magic[:n]) {
		return readArchive(file, r, size)
	}
	return limited(file, io.NewSectionReader(r, 0, size))
}

// IsArchive reports whether data begins as a zip file.
func IsArchive(data []byte) bool { return bytes.HasPrefix(data, []byte("PK\x03\x04")) }

// maxDirectory is what may be read of an archive before its entries: the list of these, which becomes several times as long in the process, and up
// to 66 kilobytes in which its end is found. The list of a network of Polar has some kilobytes for each node.
const maxDirectory = MaxSize + 128<<10

// bounded is an archive until its list is read. zip.Reader believes neither the size nor the number of entries that an archive claims, and reads
// entries as long as some follow, so that only what it reads can be bounded. For the number that an archive claims it takes up to a quarter of the
// archive's size once.
type bounded struct {
	io.ReaderAt
	left int64
}

var errTooLong = errors.New("the list of an archive is too long")

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errTooLong
	}
	return b.ReaderAt.ReadAt(p, off)
}

func readArchive(file string, r io.ReaderAt, size int64) ([]byte, error) {
	from := &bounded{r, maxDirectory}
	archive, err := zip.NewReader(from, size)
	from.left = math.MaxInt64
	if errors.Is(err, errTooLong) {
		return nil, invalid.Errorf("%s has a list of files of more than %d bytes, which no network of this size needs: name the %s in it",
			file, MaxSize, exportName)
	}
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
