package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

// field is one line of a result as text.
type field struct{ name, value string }

// result prints v as JSON, or as text the fields, without the empty ones.
func (a *app) result(v any, fields ...field) error {
	a.report.close()
	if a.output == "json" {
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(a.Out, 0, 8, 2, ' ', 0)
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(w, "%s:\t%s\n", f.name, printable(f.value))
		}
	}
	return w.Flush()
}

// table prints v as JSON, or as text rows of cells under a head.
func (a *app) table(v any, head []string, rows [][]string) error {
	if a.output == "json" {
		return a.result(v)
	}
	a.report.close()
	w := tabwriter.NewWriter(a.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = printable(c)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// printable replaces control characters of foreign text: a terminal would obey them.
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

// waitsIn is the address of a pull request, or its branch where no pull request is open; "" without one.
func waitsIn(r *step.PullRequestResult) string {
	switch {
	case r == nil:
		return ""
	case r.URL != "":
		return r.URL
	}
	return r.String()
}
