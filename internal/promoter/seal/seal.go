// Package seal marks the HTML files that the release tool writes into repositories that have other authors too, so that it
// replaces only files of its own that nobody has changed since.
package seal

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
)

var sealed = regexp.MustCompile(`<!-- Written by chart-promoter and kept up to date as long as nobody else changes it: ([0-9a-f]{64}) -->\n?$`)

// Seal returns the content with a comment at its end that holds its digest.
func Seal(content []byte) []byte {
	return fmt.Appendf(content, "<!-- Written by chart-promoter and kept up to date as long as nobody else changes it: %x -->\n", sha256.Sum256(content))
}

// Intact reports whether content is the result of Seal. Line ends may have become those of Windows on the way, as git does it.
func Intact(content []byte) bool {
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	at := sealed.FindSubmatchIndex(content)
	return at != nil && string(content[at[2]:at[3]]) == fmt.Sprintf("%x", sha256.Sum256(content[:at[0]]))
}
