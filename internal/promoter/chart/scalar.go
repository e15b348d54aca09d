package chart

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source converts the parser's lines and columns to byte offsets. The parser
// counts characters, not bytes, and knows five kinds of line end.
type source struct {
	doc   []byte
	lines []int // where each line begins
}

func newSource(doc []byte) source {
	s := source{doc: doc}
	begin := 0
	if bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")) {
		begin = 3
	}
	s.lines = append(s.lines, begin)
	for i := begin; i < len(doc); {
		n := lineBreak(doc[i:])
		if n == 0 {
			i++
			continue
		}
		i += n
		s.lines = append(s.lines, i)
	}
	return s
}

// lineBreak is the length of the line end that b begins with, 0 if none.
func lineBreak(b []byte) int {
	for _, br := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if len(b) >= len(br) && string(b[:len(br)]) == br {
			return len(br)
		}
	}
	return 0
}

// isWhite reports whether the parser treats a rune as white space or line break. It treats other Unicode spaces as letters.
func isWhite(r rune) bool { return strings.ContainsRune(" \t\r\n\u0085\u2028\u2029", r) }

var errPosition = fmt.Errorf("the position of the value in the file is unknown: %w", ErrNotYAML)

func (s source) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0, errPosition
	}
	at := s.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(s.doc) {
			return 0, errPosition
		}
		_, width := utf8.DecodeRune(s.doc[at:])
		at += width
	}
	return at, nil
}

// replace returns the splices that change the scalar at p to value.
func (s source) replace(p place, value string) ([]splice, error) {
	style := p.value.Style
	if p.value.Kind == yaml.AliasNode {
		at, err := s.offset(p.value)
		return []splice{{at, at + 1 + len(p.value.Value), scalarText(value, 0, p.flow)}}, err
	}
	text := scalarText(value, style, p.flow)
	empty := p.value.Value == "" && style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if empty && p.value.Anchor == "" && style&yaml.TaggedStyle == 0 {
		return s.fill(p, text)
	}
	at, err := s.offset(p.value)
	if err != nil {
		return nil, err
	}
	at, splices := s.properties(at, p.value)
	switch {
	case empty:
		return append(splices, splice{at, at, " " + text}), nil
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return append(splices, s.block(at, p.indent, text)...), nil
	}
	end, err := s.end(at, p.value)
	return append(splices, splice{at, end, text}), err
}

// fill writes the value of a key that has none. The parser reports the position of
// the next token as the position of a missing value.
func (s source) fill(p place, text string) ([]splice, error) {
	if p.key == nil {
		return nil, fmt.Errorf("an empty list item cannot be set: write a value in the file first: %w", ErrNotYAML)
	}
	at, err := s.offset(p.key)
	if err != nil {
		return nil, err
	}
	at, _ = s.properties(at, p.key)
	if at, err = s.end(at, p.key); err != nil {
		return nil, err
	}
	colon := at + len(s.doc[at:]) - len(bytes.TrimLeft(s.doc[at:], " \t"))
	if colon < len(s.doc) && s.doc[colon] == ':' {
		return []splice{{colon + 1, colon + 1, " " + text}}, nil
	}
	return []splice{{at, at, ": " + text}}, nil
}

// properties skips an anchor and a tag, and comments after them. A tag other than that of a
// string is removed.
func (s source) properties(at int, n *yaml.Node) (int, []splice) {
	var drop []splice
	end := at
	for at < len(s.doc) && (s.doc[at] == '&' || s.doc[at] == '!') {
		start := at
		for at < len(s.doc) && !bytes.ContainsRune([]byte(" \t\r\n,]}"), rune(s.doc[at])) {
			at++
		}
		end = at
		var comment int
		comment, at = s.space(at)
		if s.doc[start] == '!' && n.Style&yaml.TaggedStyle != 0 && n.ShortTag() != "!!str" {
			drop = append(drop, splice{start, comment, ""})
		}
	}
	if n.Value == "" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		at = end
		if len(drop) > 0 && drop[len(drop)-1].end > end {
			drop[len(drop)-1].end = end
		}
	}
	return at, drop
}

// space skips white space and the comments in it. It returns where the first comment begins, or the end
// if there is none.
func (s source) space(at int) (comment, end int) {
	comment = -1
	for at < len(s.doc) && strings.IndexByte(" \t\r\n#", s.doc[at]) >= 0 {
		if s.doc[at] != '#' {
			at++
			continue
		}
		if comment < 0 {
			comment = at
		}
		for at < len(s.doc) && lineBreak(s.doc[at:]) == 0 {
			at++
		}
	}
	if comment < 0 {
		comment = at
	}
	return comment, at
}

// end finds where the plain or quoted scalar that begins at at ends.
func (s source) end(at int, n *yaml.Node) (int, error) {
	rest := s.doc[at:]
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(rest) && rest[0] == '"'; i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return at + i + 1, nil
			}
		}
		return 0, errPosition
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(rest) && rest[0] == '\''; i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 == len(rest) || rest[i+1] != '\'' {
				return at + i + 1, nil
			}
			i++
		}
		return 0, errPosition
	}
	// A plain scalar has no escapes, but its lines are folded: the text has the words
	// of the value with different white space between them.
	i := 0
	for _, word := range strings.FieldsFunc(n.Value, isWhite) {
		i += len(rest[i:]) - len(bytes.TrimLeftFunc(rest[i:], isWhite))
		if !bytes.HasPrefix(rest[i:], []byte(word)) {
			return 0, errPosition
		}
		i += len(word)
	}
	return at + i, nil
}

// block replaces a block scalar: its indicator by the value, its text by
// nothing. A comment beside the indicator and blank lines after the text stay.
func (s source) block(at, indent int, text string) []splice {
	head := at + 1
	for head < len(s.doc) && bytes.ContainsRune([]byte("+-0123456789"), rune(s.doc[head])) {
		head++
	}
	from := head
	for from < len(s.doc) && lineBreak(s.doc[from:]) == 0 {
		from++
	}
	to, textIndent := from, -1
	for i := from; i < len(s.doc); {
		line := i + lineBreak(s.doc[i:])
		end := line
		for end < len(s.doc) && lineBreak(s.doc[end:]) == 0 {
			end++
		}
		spaces := len(s.doc[line:end]) - len(bytes.TrimLeft(s.doc[line:end], " "))
		i = end
		if spaces == end-line {
			continue // blank: part of the text only if text follows
		}
		if textIndent < 0 {
			textIndent = max(spaces, indent+1)
			if explicit := bytes.Trim(s.doc[at+1:head], "+-"); len(explicit) == 1 {
				textIndent = max(indent, 0) + int(explicit[0]-'0')
			}
		}
		if spaces < textIndent {
			break
		}
		to = end
	}
	return []splice{{at, head, text}, {from, to, ""}}
}
