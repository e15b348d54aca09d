package report

import (
	"regexp"
	"strings"
	"unicode"
)

// maxForeign is how much of a foreign text a message repeats, in bytes.
const maxForeign = 1000

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// Printable is a foreign text as a message may repeat it: of limited length, and without the characters that a terminal obeys.
func Printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, escapes.ReplaceAllString(s, ""))
	if len(s) > maxForeign {
		s = strings.ToValidUTF8(s[:maxForeign], "") + "…"
	}
	return s
}
