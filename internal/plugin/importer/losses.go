package importer

import (
	"fmt"
	"strings"
)

// losses are the parts of a network that the resources have no place for, each with those that have it, in the order of the file.
type losses struct {
	kinds []string
	of    map[string][]string
	known map[[2]string]bool // a file may have a hundred thousand
}

func (l *losses) add(kind, of string) {
	if l.of == nil {
		l.of, l.known = map[string][]string{}, map[[2]string]bool{}
	}
	if _, known := l.of[kind]; !known {
		l.kinds = append(l.kinds, kind)
	}
	if !l.known[[2]string{kind, of}] {
		l.known[[2]string{kind, of}] = true
		l.of[kind] = append(l.of[kind], of)
	}
}

// maxNamed is how many names a line has.
const maxNamed = 6

func (l *losses) lines() []string {
	lines := make([]string, 0, len(l.kinds))
	for _, kind := range l.kinds {
		lines = append(lines, kind+": "+enumerate(l.of[kind]))
	}
	return lines
}

func enumerate(list []string) string {
	if more := len(list) - maxNamed; more > 1 {
		return strings.Join(list[:maxNamed], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(list, ", ")
}

// Comments are the head of the manifest: which node became which, and what is not imported.
func (r *Result) Comments() string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight("# "+fmt.Sprintf(format, args...), " ") + "\n")
	}
	line("From %s, by kubectl btcnet import.", r.origin)
	line("The nodes run the images of the operator and begin with an empty chain: chains, wallets, keys and ports are never imported.")
	table := func(kind, name string, nodes []node) {
		line("")
		line("%s %s:", kind, name)
		for i, n := range nodes {
			with := ""
			if n.runs != "" {
				with = ", which ran " + n.runs
			}
			line("  node %d is %s%s", i, quote(n.name), with)
		}
	}
	table("BitcoinNetwork", r.Bitcoin.Name, r.bitcoin)
	if r.Lightning != nil {
		table("LightningNetwork", r.Lightning.Name, r.lightning)
	}
	if len(r.NotImported) > 0 {
		line("")
		line("Not imported:")
	}
	for _, text := range r.NotImported {
		line("  %s", text)
	}
	return b.String()
}
