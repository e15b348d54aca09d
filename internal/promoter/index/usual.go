package index

import "strings"

// usual reads a line of the form that nearly all lines of a large index have: spaces, at most one hyphen, a key or none, and a value of plain
// or quoted characters that ends with the line. ok is false for any other line. What it returns is what any
// would return; it takes a fraction of the time.
func (s *scanner) usual(start int) (l line, ok bool) {
	text := s.text
	at := skipSpaces(text, start)
	l = line{begin: start, indent: at - start}
	column := at
	if strings.HasPrefix(text[at:], "- ") {
		l.dash = true
		at = skipSpaces(text, at+1)
		column = at
	}
	key := at
	for at < len(text) && (isWord(text[at]) || at > key && isWithinKey(text[at])) {
		at++
	}
	parent, value, end := l.indent, key, at+1
	if at > key && end < len(text) && text[at] == ':' && (text[end] == ' ' || text[end] == '\n') {
		parent, value = column-start, skipSpaces(text, end)
		l.key, l.keyColumn, l.hasKey = text[key:at], parent, true
	}
	if !l.dash && !l.hasKey {
		return l, false
	}
	if !l.hasKey || text[end] == ' ' {
		if end = usualValue(text, value); end < 0 || !ends(text, end, parent, text[value] == '"') {
			return l, false
		}
		l.value = text[value:end]
	}
	if end < len(text) {
		end++
	}
	s.open, s.pos = true, end
	l.text = text[start:end]
	return l, true
}

// ends reports whether a value ends at the end of its line: the next line does not continue it.
func ends(text string, end, column int, quoted bool) bool {
	if end == len(text) || quoted {
		return true
	}
	next := end + 1
	at := skipSpaces(text, next)
	return at == len(text) && at == next || at < len(text) && text[at] != '\n' && text[at] != '\r' && at-next <= column
}

// usualValue is the end of a value, which is that of its line; -1 for a value of another form.
func usualValue(text string, begin int) int {
	if begin == len(text) {
		return -1
	}
	at := begin + 1
	switch c := text[begin]; {
	case c == '"':
		for at < len(text) && text[at] >= ' ' && text[at] != '"' && text[at] != '\\' {
			at++
		}
		if at == len(text) || text[at] != '"' {
			return -1
		}
		at++
	case isWord(c):
		for at < len(text) && text[at] >= ' ' && text[at] != '#' {
			if text[at] == ':' && (at+1 == len(text) || text[at+1] <= ' ') {
				return -1
			}
			at++
		}
		if text[at-1] == ' ' {
			return -1
		}
	default:
		return -1
	}
	if at < len(text) && text[at] != '\n' {
		return -1
	}
	return at
}

func skipSpaces(text string, at int) int {
	for at < len(text) && text[at] == ' ' {
		at++
	}
	return at
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func isWithinKey(c byte) bool { return c == '-' || c == '.' || c == '/' || c == '+' }
