package chart

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// plainWord is a value that needs no quotes anywhere, provided that it is read as a string.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_/][A-Za-z0-9_./+@-]*(:[A-Za-z0-9_./+@-]+)*$`)

// scalarText writes value in the existing style.
func scalarText(value string, style yaml.Style, flow bool) string {
	printable := strings.IndexFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	switch {
	case style&yaml.SingleQuotedStyle != 0 && printable:
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && isPlain(value, flow):
		return value
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	return b.String() + `"`
}

// isPlain asks both YAML parsers: yes and 012 are strings for one of them only,
// and short hashes such as 1234567 or 12e4567 for neither.
func isPlain(value string, flow bool) bool {
	if !plainWord.MatchString(value) || flow && strings.Contains(value, ":") {
		return false
	}
	var n yaml.Node
	var read map[string]any
	err := sigsyaml.Unmarshal([]byte("v: "+value), &read)
	return err == nil && read["v"] == any(value) &&
		yaml.Unmarshal([]byte(value), &n) == nil && n.Content[0].ShortTag() == "!!str" &&
		!numeric(value)
}

// numeric reports whether some other parser reads a number,
// as in 1_000, 0x1f, 0o17 and 1:30.
func numeric(value string) bool {
	if _, err := strconv.ParseFloat(strings.ReplaceAll(value, "_", ""), 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return true
	}
	_, err := strconv.ParseInt(strings.NewReplacer("_", "", ":", "").Replace(value), 0, 64)
	return err == nil
}
