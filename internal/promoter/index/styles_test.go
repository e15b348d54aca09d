package index

import (
	"fmt"
	"strings"
	"testing"
)

// styler writes an index in styles that are chosen by bytes; when these are used up, in the usual ones.
type styler struct {
	choices  []byte
	out      strings.Builder
	comments int
}

func (s *styler) choose(n int) int {
	if len(s.choices) == 0 {
		return 0
	}
	c := int(s.choices[0]) % n
	s.choices = s.choices[1:]
	return c
}

func (s *styler) write(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

// line writes a line, on request with a comment behind it.
func (s *styler) line(indent int, text string) {
	s.write("%s%s", strings.Repeat(" ", indent), text)
	if s.choose(6) == 5 {
		s.write(" %s", s.comment())
	}
	s.write("\n")
	s.between(indent)
}

// between writes nothing, blank lines or comments, in this column or another one.
func (s *styler) between(indent int) {
	for range s.choose(4) {
		switch s.choose(4) {
		case 0:
			s.write("\n")
		case 1:
			s.write("%s%s\n", strings.Repeat(" ", indent), s.comment())
		case 2:
			s.write("%s%s\n", strings.Repeat(" ", indent+2), s.comment())
		case 3:
			s.write("%s\n", s.comment())
		}
	}
}

func (s *styler) comment() string {
	s.comments++
	return fmt.Sprintf("# comment %d: {not, data}", s.comments)
}

// entry writes a version as an item of a list whose hyphens are in this column.
func (s *styler) entry(indent int, name, version string) {
	fields := []string{"apiVersion: v2", "name: " + name, "version: " + version, "digest: " + digest(version), "created: \"2026-01-02T03:04:05Z\""}
	switch s.choose(5) {
	case 0: // a block
		for i, field := range fields {
			s.line(indent+map[bool]int{true: 0, false: 2}[i == 0], map[bool]string{true: "- "}[i == 0]+field)
		}
		s.line(indent+2, "urls:")
		s.line(indent+2, "- "+name+"-"+version+".tgz")
	case 1: // one line
		s.line(indent, "- {"+strings.Join(fields, ", ")+", urls: ["+name+".tgz]}")
	case 2: // brackets over several lines
		s.line(indent, "- {"+fields[0]+",")
		for _, field := range fields[1:] {
			s.line(indent+4, field+",")
		}
		s.line(indent+4, "urls: [")
		s.line(indent+6, name+".tgz,")
		s.line(indent+6, "mirror/"+name+".tgz")
		s.line(indent+4, "]")
		s.line(indent+2, "}")
	case 3: // JSON, with empty lists
		s.line(indent, fmt.Sprintf(`- {"name": %q, "version": %q, "digest": %q, "urls": [%q], "keywords": [], "annotations": {}}`, name, version, digest(version), name+".tgz"))
	case 4: // a hyphen alone, quotes
		s.line(indent, "-")
		s.line(indent+2, "'name': '"+name+"'")
		s.line(indent+2, "\"version\": \""+version+"\"")
		s.line(indent+2, "\"digest\": \""+digest(version)+"\"")
		s.line(indent+2, "urls: [ 'a, b.tgz' , \"c#d\" ]")
	}
}

func (s *styler) index() []byte {
	s.between(0)
	s.line(0, "apiVersion: v1")
	s.line(0, "entries:")
	for _, name := range []string{"first", "middle"} {
		indent := 2 + 2*s.choose(2)
		if s.choose(4) == 3 {
			s.line(2, name+": [{name: "+name+", version: 1.3.0, urls: [x]},")
			s.line(6, "{name: "+name+", version: 1.2.0, urls: [y, z]}]")
			continue
		}
		s.line(2, name+":")
		for n := range 3 {
			s.entry(indent, name, fmt.Sprintf("1.%d.5", 3-n))
		}
	}
	s.line(0, "generated: \"2026-01-01T00:00:00Z\"")
	return []byte(s.out.String())
}

// FuzzStyles adds a version to an index in a mixture of the styles of YAML. It is rejected only if Helm cannot read it either.
func FuzzStyles(f *testing.F) {
	f.Add([]byte(nil))
	for style := range 5 {
		f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, byte(style), 0, 1, 1, byte(style + 1), 0, 2, 2, 3})
		f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, byte(style), 5, 0, byte(style), 0, 3, 0, 1, 0, byte(style), 5, 1, 2, 0})
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		s := styler{choices: choices}
		index := s.index()
		if read(index) == nil {
			return
		}
		e := entry("middle", "1.1.0")
		out, changed, err := Add(index, e)
		if err != nil || !changed {
			t.Fatalf("changed %t, %v:\n%s", changed, err, index)
		}
		onlyAdds(t, index, out, e)
		// The parser of YAML loses a comment after an opening bracket, among others.
		for n := range s.comments {
			if text := fmt.Sprintf("# comment %d: {not, data}", n+1); strings.Count(string(out), text) > 1 {
				t.Errorf("%d times %q in\n%s\nout of\n%s", strings.Count(string(out), text), text, out, index)
			}
		}
	})
}
