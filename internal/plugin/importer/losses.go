package importer

import (
	"fmt"
	"strings"
)

// losses are the parts of a network that the resources have no place for, each with those that have it, in the order of the file.
type losses struct {
	kinds []string
	of    map[string][]loss
	known map[lossOfKind]bool // a file may have a hundred thousand
}

// loss is a node, or a pair. It stays in two parts, since one node may have most of the losses of a file.
type loss struct{ of, to string }

type lossOfKind struct {
	kind string
	loss loss
}

func (l loss) String() string {
	if l.to == "" {
		return l.of
	}
	return l.of + " to " + l.to
}

func (l *losses) add(kind string, of loss) {
	if l.of == nil {
		l.of, l.known = map[string][]loss{}, map[lossOfKind]bool{}
	}
	if _, known := l.of[kind]; !known {
		l.kinds = append(l.kinds, kind)
	}
	if !l.known[lossOfKind{kind, of}] {
		l.known[lossOfKind{kind, of}] = true
		l.of[kind] = append(l.of[kind], of)
	}
}

// maxNamed is how many names a line has, and maxLines how many lines are printed beside the manifest.
const (
	maxNamed = 6
	maxLines = 32
)

func (l *losses) lines() []string {
	lines := make([]string, 0, min(len(l.kinds), maxLines+1))
	for i, kind := range l.kinds {
		if i == maxLines {
			return append(lines, fmt.Sprintf("and %d more, which the head of the manifest has", len(l.kinds)-i))
		}
		lines = append(lines, kind+": "+enumerate(l.of[kind]))
	}
	return lines
}

func enumerate(list []loss) string {
	if more := len(list) - maxNamed; more > 1 {
		return joined(list[:maxNamed]) + fmt.Sprintf(" and %d more", more)
	}
	return joined(list)
}

func joined(list []loss) string {
	texts := make([]string, 0, len(list))
	for _, l := range list {
		texts = append(texts, l.String())
	}
	return strings.Join(texts, ", ")
}

// comments are lines of YAML without an effect.
type comments struct{ strings.Builder }

func (c *comments) line(format string, args ...any) {
	c.WriteString(strings.TrimRight("# "+fmt.Sprintf(format, args...), " ") + "\n")
}

// Comments are the head of the manifest: which node became which, and what is not imported.
func (r *Result) Comments() string {
	var c comments
	c.line("From %s, by kubectl btcnet import.", r.origin)
	if r.Renamed != "" {
		c.line("%s", r.Renamed)
	}
	c.line("The nodes run the images of the operator and begin with an empty chain: chains, wallets, keys and ports are never imported.")
	c.table("BitcoinNetwork", r.Bitcoin.Name, r.bitcoin)
	if r.Lightning != nil {
		c.table("LightningNetwork", r.Lightning.Name, r.lightning)
	}
	c.losses(r.losses, r.size)
	return c.String()
}

func (c *comments) table(kind, name string, nodes []node) {
	c.line("")
	c.line("%s %s:", kind, name)
	for i, n := range nodes {
		with := ""
		if n.runs != "" {
			with = ", which ran " + n.runs
		}
		c.line("  node %d is %s%s", i, quote(n.name), with)
	}
}

// The list of what is not imported is complete unless it is many times as long as the file, which is so only when a file repeats a long name by
// a short word: a node with a name of 80 control characters and a hundred thousand peers.
const (
	longList  = 64 << 10
	timesFile = 8
)

// losses has all names, with some of them on each line.
func (c *comments) losses(l losses, size int) {
	if len(l.kinds) == 0 {
		return
	}
	c.line("")
	c.line("Not imported:")
	rest := 0
	for _, list := range l.of {
		rest += len(list)
	}
	end := c.Len() + longList + timesFile*size
	for _, kind := range l.kinds {
		list := l.of[kind]
		for i := 0; i < len(list); i += maxNamed {
			if c.Len() > end {
				c.line("  and %d more: the list is %d times as long as the file", rest, timesFile)
				return
			}
			begin, comma := kind+": ", ","
			if i > 0 {
				begin = "  "
			}
			part := list[i:min(i+maxNamed, len(list))]
			if rest -= len(part); i+maxNamed >= len(list) {
				comma = ""
			}
			c.line("  %s%s%s", begin, joined(part), comma)
		}
	}
}
