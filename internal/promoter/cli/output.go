package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// result prints v as JSON, or the text that a person wants: pairs of a name and a value, without the empty ones.
func (a *app) result(v any, text ...[2]string) error {
	if a.report != nil {
		a.report.close()
	}
	if a.output == "json" {
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(a.Out, 0, 8, 2, ' ', 0)
	for _, t := range text {
		if t[1] != "" {
			fmt.Fprintf(w, "%s:\t%s\n", t[0], printable(t[1]))
		}
	}
	return w.Flush()
}

// table prints rows under a head, or v as JSON.
func (a *app) table(v any, head string, rows []string) error {
	if a.output == "json" {
		return a.result(v)
	}
	if a.report != nil {
		a.report.close()
	}
	w := tabwriter.NewWriter(a.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, r := range rows {
		cells := strings.Split(r, "\t")
		for i := range cells {
			cells[i] = printable(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// printable takes control characters out of what somebody else named: a terminal would obey them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
