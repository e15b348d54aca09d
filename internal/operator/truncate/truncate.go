// Package truncate bounds text of others: of nodes, pods and the API server.
package truncate

import (
	"strings"
	"unicode/utf8"
)

// UTF8 cuts a text between two characters to at most so many bytes. Bytes that are no UTF-8 are replaced: JSON would replace them
// too, and a text that the API server returns would differ from the one that was written.
func UTF8(text string, limit int) string {
	// Only what may remain is examined: a text may have megabytes.
	if len(text) > limit+utf8.UTFMax {
		text = text[:limit+utf8.UTFMax]
	}
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
