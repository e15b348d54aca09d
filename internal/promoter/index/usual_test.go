package index

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// unusual are lines at the limits of the usual form.
const unusual = `apiVersion: v1
entries:
  a:
  - version: 1.0.0
    description: first
      second
    home: a: b
    icon: https://example.com/a.png
    digest: "abc" # comment
    empty:
    spaces: a  
    hash: a#b
    comment: a # b
    colon: "a: b"
    escaped: "a\\"b"
    single: 'a'
    block: |
      text: more
    blank: a

      continued
    next: a
  # comment
    flow: {a: b}
  -   version: 2.0.0
      name: a
  - - nested: list
  - "quoted key": a
    trailing: a:
    dash: -
    list:
    - one
    - two: 2
      three: 3
    "1": a
    1.5: a
    a.b/c-d+e: a
    é: ü
    umlaut: ä ö ü`

func TestAUsualLineIsReadAsAnyOther(t *testing.T) {
	texts := []string{unusual, strings.ReplaceAll(unusual, "\n", "\r\n"), strings.ReplaceAll(unusual, ": ", ":\t")}
	files, err := filepath.Glob("testdata/*.in")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, text := range texts {
		sameLines(t, text)
	}
	if text := string(large(t, 50)); sameLines(t, text) < strings.Count(text, "\n") {
		t.Error("most lines of Helm's index do not have the usual form")
	}
}

func FuzzUsual(f *testing.F) {
	f.Add(unusual)
	f.Add("a: b\n c\n")
	f.Fuzz(func(t *testing.T, text string) { sameLines(t, text) })
}

// sameLines compares every line of a text in both ways, and every cut of the first ones, and returns how many have the usual form.
func sameLines(t *testing.T, text string) (usual int) {
	t.Helper()
	for at := 0; at < len(text); {
		for _, cut := range []string{text, text[:at+(len(text)-at)/2]} {
			fast, slow := scanner{text: cut, pos: at}, scanner{text: cut, pos: at}
			got, ok := fast.usual(at)
			if !ok {
				continue
			}
			usual++
			want, err := slow.any()
			if err != nil || !reflect.DeepEqual(got, want) || fast != slow {
				t.Fatalf("%q is read as\n%+v, then %d; not as\n%+v, then %d, %v", cut[at:], got, fast.pos, want, slow.pos, err)
			}
		}
		next := strings.IndexByte(text[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	return usual
}
