package seal

import (
	"bytes"
	"testing"
)

func TestAPageIsIntactAsLongAsNobodyChangesIt(t *testing.T) {
	page := Seal([]byte("<h1>Install</h1>\n"))
	for name, c := range map[string]struct {
		content []byte
		intact  bool
	}{
		"as it was written":         {page, true},
		"with the line ends of DOS": {bytes.ReplaceAll(page, []byte("\n"), []byte("\r\n")), true},
		"without the last line end": {bytes.TrimSpace(page), true},
		"with one letter changed":   {bytes.Replace(page, []byte("Install"), []byte("install"), 1), false},
		"with something added":      {append(bytes.Clone(page), "<p>and more"...), false},
		"without its last line":     {page[:bytes.LastIndex(page, []byte("<!--"))], false},
		"a page of other origin":    {[]byte("<h1>Our charts</h1>\n"), false},
		"nothing":                   {nil, false},
	} {
		if Intact(c.content) != c.intact {
			t.Errorf("%s: intact is %t", name, !c.intact)
		}
	}
}
