package page

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// line returns a text on one line, of at most limit characters and without invisible characters, some of
// which reverse the text after them.
func line(limit int, text string) string {
	var out []rune
	space := false
	for _, r := range text {
		if unicode.IsSpace(r) {
			space = len(out) > 0
			continue
		}
		if !unicode.IsPrint(r) {
			continue
		}
		if len(out) >= limit {
			return string(out) + "…"
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		out = append(out, r)
	}
	return string(out)
}

// short returns the beginning of a hash.
func short(hash string) string {
	return strings.TrimSuffix(line(12, strings.TrimPrefix(hash, "sha256:")), "…")
}

// link returns an address if a page may link to it (http, https or relative), otherwise "".
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(address) > 2000 || u.User != nil || u.Opaque != "" {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
	case "":
	default:
		return ""
	}
	return u.String()
}

var (
	plainWord    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`)
	plainAddress = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~%/-]*)?$`)
)

// word returns a text if a shell takes it literally, otherwise "".
func word(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return ""
}
