package terminal

import (
	"bytes"
	"encoding/json"
	"testing"
)

var texts = map[string]string{
	"plain\ttext\nof two lines":    "plain\ttext\nof two lines",
	"Größe 東京 🙂":                   "Größe 東京 🙂",
	"a\x1b[2Jb":                    `a\u001b[2Jb`,
	"\x1b]0;title\x07":             `\u001b]0;title\u0007`,
	"carriage\rreturn\x00\x7f":     `carriage\u000dreturn\u0000\u007f`,
	"eight bits \u009b31m":         `eight bits \u009b31m`,
	"eight bits alone \x9b31m":     "eight bits alone \ufffd31m",
	"reversed \u202etxt.exe\u2066": `reversed \u202etxt.exe\u2066`,
}

func TestControlCharactersAreEscaped(t *testing.T) {
	for text, want := range texts {
		if got := Escape(text); got != want {
			t.Errorf("%q is shown as %q, and should be as %q", text, got, want)
		}
	}
	if got := Line("a\nb\tc\x1b"); got != `a\nb\tc\u001b` {
		t.Errorf("a line is shown as %q", got)
	}
}

func TestAWriterEscapesHoweverTheTextIsCut(t *testing.T) {
	for text, want := range texts {
		for size := 1; size <= 5; size++ {
			var out bytes.Buffer
			w := NewWriter(&out)
			for rest := []byte(text); len(rest) > 0; {
				n := min(size, len(rest))
				if written, err := w.Write(rest[:n]); written != n || err != nil {
					t.Fatalf("wrote %d of %d, %v", written, n, err)
				}
				rest = rest[n:]
			}
			if err := w.Close(); err != nil || out.String() != want {
				t.Errorf("%q in pieces of %d is shown as %q (%v), and should be as %q", text, size, out.String(), err, want)
			}
		}
	}
}

func TestJSONKeepsItsMeaning(t *testing.T) {
	text := "{\"subver\":\"/x\u009b\u202e\x7f/\"}"
	var before, after any
	if err := json.Unmarshal([]byte(text), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(Escape(text)), &after); err != nil || after.(map[string]any)["subver"] != before.(map[string]any)["subver"] {
		t.Errorf("%v became %v (%v)", before, after, err)
	}
}
