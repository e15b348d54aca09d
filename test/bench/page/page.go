package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed page.md.tmpl
var frame string

const notMeasured = "Not measured yet.\n"

// render returns the page: page.md.tmpl with the tables of the results.
func render(r *results) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"table":   r.table,
		"growth":  r.growthTable,
		"runs":    r.runTable,
		"picture": r.pictureLink,
	}).Parse(frame)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := t.Execute(&page, nil); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}

// table has the figures of a section, in the order of their definitions and of the numbers in their keys.
func (r *results) table(section string) string {
	var list []figure
	for f := range maps.Values(r.figures) {
		if d, _ := define(f.key); d.section == section {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return notMeasured
	}
	slices.SortFunc(list, func(a, b figure) int {
		if byDefinition := place(a.key) - place(b.key); byDefinition != 0 {
			return byDefinition
		}
		return lastNumber(a.key) - lastNumber(b.key)
	})
	rows := [][]string{{"figure", "measured", "reference", "ratio", "limit", "met", "rounds", "revision", "date"}}
	for _, f := range list {
		rows = append(rows, f.row())
	}
	return markdown(rows)
}

// place is that of the figure's definition. Those that differ only in a number are at one place.
func place(key string) int {
	name := strings.TrimRight(key, "0123456789")
	return slices.IndexFunc(definitions, func(d definition) bool { return strings.TrimRight(d.key, "0123456789*") == name })
}

func lastNumber(key string) int {
	n, _ := strconv.Atoi(key[strings.LastIndexByte(key, '-')+1:])
	return n
}

func (f figure) row() []string {
	d, _ := define(f.key)
	reference, times := "", ""
	if f.compared {
		name := d.reference
		if f.against != "" {
			name = fmt.Sprintf("revision %s", f.against)
		}
		reference, times = fmt.Sprintf("%s (%s)", quantityText(f.reference, d.unit), name), f.ratioText()
	}
	var limits, met []string
	for _, l := range d.limits {
		limits = append(limits, l.text(d.unit))
		word := "**no**"
		if l.holds(f) {
			word = "yes"
		}
		met = append(met, word)
	}
	if !slices.Contains(met, "**no**") {
		met = slices.Compact(met)
	}
	rounds := ""
	if f.rounds > 0 {
		rounds = fmt.Sprint(f.rounds)
	}
	return []string{d.title, quantityText(f.value, d.unit), reference, times, strings.Join(limits, ", "), strings.Join(met, ", "),
		rounds, f.run.fields["revision"], f.run.fields["date"]}
}

// ratioText has the least and the most ratio of the rounds too.
func (f figure) ratioText() string {
	text := fmt.Sprintf("%.2f", f.ratio)
	if len(f.ratios) > 1 {
		text += fmt.Sprintf(" (%.2f to %.2f)", slices.Min(f.ratios), slices.Max(f.ratios))
	}
	return text
}

// quantityText has three digits, or two decimals. What would be zero with two has one digit, since it is not zero.
func quantityText(n float64, unit string) string {
	digits := 2
	switch {
	case n > 0 && n < 0.005:
		return strings.TrimSpace(strconv.FormatFloat(n, 'g', 1, 64) + " " + unit)
	case n == float64(int(n)) || n >= 100:
		digits = 0
	case n >= 10:
		digits = 1
	}
	return strings.TrimSpace(strconv.FormatFloat(n, 'f', digits, 64) + " " + unit)
}

// growthTable has a row for each size that growth.sh measured. Without any, the table of the section reports so.
func (r *results) growthTable() string {
	s := r.series["growth"]
	if s == nil {
		return ""
	}
	rows := [][]string{{"networks", "nodes and edges", "until `Ready`", "CPU until then", "passes a minute", "CPU of a pass",
		"the same for each node and edge, to the first", "resident", "heap", "one node more: requests", "until the last of them"}}
	group := ""
	for _, f := range s.samples {
		first := f["group"] != group
		group = f["group"]
		relative := f["relative_pass"]
		if first {
			relative = ""
		}
		rows = append(rows, []string{networksText(f), f["size"], f["ready"] + " s", f["cpu_until"] + " s", f["passes"], f["pass"] + " ms",
			relative, f["resident"] + " MiB", f["heap"] + " MiB", f["change_reads"] + " reads, " + f["change_writes"] + " writes", f["change_seconds"] + " s"})
	}
	return markdown(rows) + "\n" + r.measured("growth")
}

func networksText(f fields) string {
	text := fmt.Sprintf("%s × %s nodes, `%s`", f["networks"], f["nodes"], f["topology"])
	if f["per"] != "1" {
		text += fmt.Sprintf(", %s in a pod", f["per"])
	}
	return text
}

// measured is the line that names the run of a series.
func (r *results) measured(series string) string {
	f := r.series[series].run.fields
	return fmt.Sprintf("Revision %s, %s.\n", f["revision"], f["date"])
}

// runTable has what to repeat, and where it was measured.
func (r *results) runTable() string {
	rows := [][]string{{"command", "date", "revision", "Go", "machine"}}
	for _, run := range r.used() {
		f := run.fields
		rows = append(rows, []string{"`" + f["command"] + "`", f["date"], f["revision"], strings.TrimPrefix(f["go"], "go"),
			fmt.Sprintf("%s cores of %s, %s, %s", f["cores"], f["cpu"], f["memory"], f["kernel"])})
	}
	if len(rows) == 1 {
		return notMeasured
	}
	return markdown(rows)
}

// pictureLink is empty without results.
func (r *results) pictureLink(name string) (string, error) {
	for _, p := range pictures {
		if p.name != name {
			continue
		}
		if r.series[p.series] == nil {
			return "", nil
		}
		return fmt.Sprintf("![%s](pictures/%s.svg)\n\n%s", p.title, name, r.measured(p.series)), nil
	}
	return "", fmt.Errorf("there is no picture %s", name)
}

// markdown returns a table whose first row is the head. A column that is empty in all rows is left out.
func markdown(rows [][]string) string {
	var columns []int
	for i := range rows[0] {
		if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != "" }) {
			columns = append(columns, i)
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for _, i := range columns {
			fmt.Fprintf(&b, "| %s ", row[i])
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
		}
	}
	return b.String()
}
