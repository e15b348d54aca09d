package truncate

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestATextIsCutBetweenCharacters(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abc", 2, "ab"},
		{"aéa", 3, "aé"},
		{"aéa", 2, "a"},
		{"日本", 5, "日"},
		{"日本", 2, ""},
		{"", 0, ""},
		{"a\xffb", 10, "a\ufffdb"},
		{"a\xffb", 3, "a"},
		{"a\xe6\x97", 10, "a\ufffd"},
	} {
		if got := UTF8(test.text, test.limit); got != test.want {
			t.Errorf("%q to %d bytes: %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}

func FuzzUTF8(f *testing.F) {
	f.Add("aé日\xff", 4)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 100)
		got := UTF8(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || !strings.HasPrefix(strings.ToValidUTF8(text, "\ufffd"), got) && utf8.ValidString(text) {
			t.Errorf("%q to %d bytes: %q", text, limit, got)
		}
	})
}
