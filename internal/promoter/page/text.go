package page

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// line is a text on one line, at most so many characters, without the characters that
// are not seen, some of which turn the text after them around.
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

// short is the beginning of a hash.
func short(hash string) string {
	return strings.TrimSuffix(line(12, strings.TrimPrefix(hash, "sha256:")), "…")
}

// link is an address that a page may lead to: http, https or relative; "" for any other.
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

// word is a text that means nothing but itself in a command line, or "".
func word(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return ""
}
