package index

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// line is one line of a YAML file, with the continuation lines of its value.
type line struct {
	begin     int    // where it begins in the file
	text      string // all of it, line ends included; "" at the end of the file
	blank     bool   // nothing but space or a comment
	indent    int    // column of the first character
	dash      bool   // it is a hyphen
	key       string
	hasKey    bool
	keyColumn int
	value     string // as written, "" if it is missing or begins on the next line
}

// scanner splits plain YAML into lines. It knows enough of YAML to find where a
// value ends, and returns errNotPlain where it would have to know more.
type scanner struct {
	text string
	pos  int
	open bool // something but blank lines has been read
}

var blockHeader = regexp.MustCompile(`^[|>][-+0-9]*( +#.*)?$`)

// isPlainKey runs for every line, for which a regular expression is too slow.
func isPlainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		word := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '<'
		if !word && (i == 0 || c != '-' && c != '.' && c != '/' && c != '+') {
			return false
		}
	}
	return key != ""
}

// physical returns the next line without its end, and the start of the following line.
func (s *scanner) physical(at int) (content string, next int) {
	end := strings.IndexByte(s.text[at:], '\n')
	if end < 0 {
		return s.text[at:], len(s.text)
	}
	return strings.TrimSuffix(s.text[at:at+end], "\r"), at + end + 1
}

func (s *scanner) next() (line, error) {
	if l, ok := s.usual(s.pos); ok {
		return l, nil
	}
	return s.any()
}

// any reads a line of any form.
func (s *scanner) any() (line, error) {
	start := s.pos
	if start == len(s.text) {
		return line{}, nil
	}
	content, end := s.physical(start)
	s.pos = end
	body := strings.TrimLeft(content, " ")
	l := line{begin: start, indent: len(content) - len(body)}
	switch {
	case body == "" || body[0] == '#', body == "---" && l.indent == 0 && !s.open:
		l.text, l.blank = s.text[start:end], true
		return l, nil
	case strings.Contains(body, "\t"), strings.HasPrefix(body, "---"):
		return line{}, errNotPlain
	}
	s.open = true
	column, hyphens := l.indent, 0
	parent := l.indent
	for body == "-" || strings.HasPrefix(body, "- ") {
		rest := strings.TrimLeft(body[1:], " ")
		parent, hyphens = column, hyphens+1
		column += len(body) - len(rest)
		body = rest
	}
	l.dash = hyphens > 0
	key, value, found, err := splitKey(body)
	if err != nil {
		return line{}, err
	}
	if found {
		parent = column
		if hyphens < 2 {
			l.key, l.keyColumn, l.hasKey = key, column, true
		}
	} else if hyphens == 0 {
		return line{}, errNotPlain
	}
	l.value, err = s.value(start+len(content)-len(value), value, parent)
	l.text = s.text[start:s.pos]
	return l, err
}

// splitKey takes "key: value" apart; found is false for a value alone.
func splitKey(body string) (key, value string, found bool, err error) {
	if body == "" {
		return "", "", false, nil
	}
	if body[0] == '"' || body[0] == '\'' {
		end := closing(body)
		if end < 0 || end == len(body) || body[end] != ':' {
			return "", body, false, nil
		}
		var n yaml.Node
		if yaml.Unmarshal([]byte(body[:end]), &n) != nil || end+1 < len(body) && body[end+1] != ' ' {
			return "", "", false, errNotPlain
		}
		return n.Content[0].Value, strings.TrimLeft(body[end+1:], " "), true, nil
	}
	plain, _, _ := strings.Cut(body, " #")
	at := strings.Index(plain, ": ")
	if at < 0 && strings.HasSuffix(plain, ":") {
		at = len(plain) - 1
	}
	if at < 0 {
		return "", body, false, nil
	}
	if !isPlainKey(body[:at]) {
		return "", "", false, errNotPlain
	}
	return body[:at], strings.TrimLeft(body[at+1:], " "), true, nil
}

// closing returns the index after the quote that ends the string at the beginning of text.
func closing(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\':
			i++
		case text[i] != text[0]:
		case text[0] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return -1
}

func isComment(rest string) bool {
	rest = strings.TrimRight(rest, " ")
	return rest == "" || strings.HasPrefix(rest, " ") && strings.HasPrefix(strings.TrimLeft(rest, " "), "#")
}

// value reads a value to its end, which may be on a later line. v is the
// part on its first line, at begin.
func (s *scanner) value(begin int, v string, parent int) (string, error) {
	switch {
	case v == "" || v[0] == '#':
		return "", nil
	case v[0] == '"' || v[0] == '\'':
		n := closing(s.text[begin:])
		if n < 0 {
			return "", errNotPlain
		}
		rest, next := s.physical(begin + n)
		if s.pos = next; !isComment(rest) {
			return "", errNotPlain
		}
		return s.text[begin : begin+n], nil
	case (v[0] == '|' || v[0] == '>') && blockHeader.MatchString(v):
		s.deeper(parent, func(string) bool { return true })
		return s.text[begin:s.pos], nil
	case len(v) >= 2 && (v[:2] == "{}" || v[:2] == "[]") && isComment(v[2:]):
		return v[:2], nil
	case strings.ContainsRune("[]{}&*!|>%@`?,", rune(v[0])):
		return "", errNotPlain
	}
	v, _, comment := strings.Cut(v, " #")
	plain := plainText(v)
	more := s.pos
	s.deeper(parent, func(text string) bool {
		plain = plain && !comment && text[0] != '#' && plainText(text) && !strings.Contains(text, " #") && !strings.Contains(text, "\t")
		return plain
	})
	if !plain {
		return "", errNotPlain
	}
	return strings.TrimRight(v+" "+strings.Join(strings.Fields(s.text[more:s.pos]), " "), " "), nil
}

func plainText(v string) bool {
	return !strings.Contains(v, ": ") && !strings.HasSuffix(strings.TrimRight(v, " "), ":")
}

// deeper reads on while lines are indented more than parent, or blank and followed
// by such a line.
func (s *scanner) deeper(parent int, each func(text string) bool) {
	for at := s.pos; at < len(s.text); {
		content, next := s.physical(at)
		at = next
		body := strings.TrimLeft(content, " ")
		if body == "" {
			continue
		}
		if len(content)-len(body) <= parent || !each(body) {
			return
		}
		s.pos = next
	}
}
