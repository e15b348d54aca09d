package importer

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// An archive's list of files is several times as long in the process.
func TestTheListOfAnArchiveIsBounded(t *testing.T) {
	read := func(count int) ([]byte, error) {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		into, err := w.Create(exportName)
		if err == nil {
			_, err = into.Write([]byte("{}"))
		}
		for i := range count {
			if err == nil {
				_, err = w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("volumes/%d/%s", i, strings.Repeat("x", 1000))})
			}
		}
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return Read("a.zip", bytes.NewReader(out.Bytes()), int64(out.Len()))
	}
	if data, err := read(3000); err != nil || string(data) != "{}" {
		t.Errorf("of an archive with 3 MB of names: %q, %v", data, err)
	}
	_, err := read(5000)
	if err == nil || !strings.Contains(err.Error(), "a.zip has a list of files of more than 4194304 bytes, which no network of this size needs: name the export.json") {
		t.Errorf("an archive with 5 MB of names: %v", err)
	}
}
