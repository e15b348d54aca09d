package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/christianb93/bitcoin-controller/test/monitoring"
)

// panel is a diagram, in the dashboard's grid of 24 columns.
type panel struct {
	title, unit string
	x, y, w, h  int
	lines       []line
}

type line struct {
	legend string
	points []monitoring.Point
}

const (
	column, row = 50.0, 30.0 // pixels of a cell of the grid
	gap         = 8.0
	left, top   = 54.0, 28.0 // from a panel's edge to its diagram
	legendRow   = 14.0
	smallText   = 11
)

// colours can be distinguished by people who do not see red and green, on white and on black.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9"}

const style = `<style>
.sheet{fill:#f6f7f9}.panel{fill:#fff;stroke:#d8dce2}text{fill:#30343b;font:11px system-ui,sans-serif}.title{font-weight:600;font-size:13px}.grid{stroke:#e4e7ec}
@media(prefers-color-scheme:dark){.sheet{fill:#16181d}.panel{fill:#1f2229;stroke:#343944}text{fill:#d5d9e0}.grid{stroke:#343944}}
</style>
`

// draw makes an SVG of the panels.
func draw(panels []panel, from, to time.Time) []byte {
	first, last := panels[0].y, 0
	for _, p := range panels {
		first, last = min(first, p.y), max(last, p.y+p.h)
	}
	// Headings of rows take a cell of the grid each, and are not drawn.
	lift := map[int]int{}
	ys := []int{}
	for _, p := range panels {
		if !slices.Contains(ys, p.y) {
			ys = append(ys, p.y)
		}
	}
	slices.Sort(ys)
	at := 0
	for _, y := range ys {
		lift[y] = at
		tallest := 0
		for _, p := range panels {
			if p.y == y {
				tallest = max(tallest, p.h)
			}
		}
		at += tallest
	}
	var b bytes.Buffer
	width, height := 24*column, float64(at)*row
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g">`+"\n%s", width, height, width, height, style)
	fmt.Fprintf(&b, `<rect class="sheet" width="%g" height="%g"/>`+"\n", width, height)
	for _, p := range panels {
		p.draw(&b, float64(p.x)*column, float64(lift[p.y])*row, from, to)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (p panel) draw(b *bytes.Buffer, x, y float64, from, to time.Time) {
	w, h := float64(p.w)*column, float64(p.h)*row
	fmt.Fprintf(b, `<g transform="translate(%g %g)"><rect class="panel" x="%g" y="%g" width="%g" height="%g" rx="4"/>`+"\n", x, y, gap/2, gap/2, w-gap, h-gap)
	fmt.Fprintf(b, `<text class="title" x="%g" y="20">%s</text>`+"\n", gap+4, html.EscapeString(p.title))
	bottom := h - gap - 22 - legendRow*float64(len(p.lines))
	right := w - gap - 10
	step, highest := scale(p.highest())
	for v := 0.0; v <= highest+step/2; v += step {
		level := bottom - v/highest*(bottom-top-gap)
		fmt.Fprintf(b, `<path class="grid" d="M%g %.1fH%g"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`+"\n", left, level, right, left-5, level+4, number(v, p.unit))
	}
	length := to.Sub(from)
	for t := time.Duration(0); t <= length; t += 30 * time.Second {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%g s</text>`+"\n", left+float64(t)/float64(length)*(right-left), bottom+14, t.Seconds())
	}
	for i, l := range p.lines {
		colour := colours[i%len(colours)]
		fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-width="1.6" d="`, colour)
		pen := "M"
		for _, point := range l.points {
			if math.IsNaN(point.Value) {
				pen = "M"
				continue
			}
			fmt.Fprintf(b, "%s%.1f %.1f", pen, left+float64(point.At.Sub(from))/float64(length)*(right-left), bottom-point.Value/highest*(bottom-top-gap))
			pen = "L"
		}
		b.WriteString(`"/>` + "\n")
		at := bottom + 22 + legendRow*float64(i) + 6
		fmt.Fprintf(b, `<path stroke="%s" stroke-width="3" d="M%g %.1fh14"/><text x="%g" y="%.1f" font-size="%d">%s</text>`+"\n",
			colour, left, at, left+20, at+4, smallText, html.EscapeString(l.legend))
	}
	b.WriteString("</g>\n")
}

func (p panel) highest() float64 {
	most := 0.0
	for _, l := range p.lines {
		for _, point := range l.points {
			if !math.IsNaN(point.Value) {
				most = max(most, point.Value)
			}
		}
	}
	return most
}

// scale gives a round distance between about four lines of the grid, and the highest of them.
func scale(most float64) (step, highest float64) {
	if most <= 0 {
		return 1, 1
	}
	step = math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if most/(step*factor) <= 4 {
			step *= factor
			break
		}
	}
	return step, math.Ceil(most/step-1e-9) * step
}

func number(v float64, unit string) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	switch unit {
	case "s":
		if v > 0 && v < 1 {
			return strconv.FormatFloat(v*1000, 'g', 3, 64) + " ms"
		}
		return text + " s"
	case "reqps", "ops":
		return text + "/s"
	default:
		return text
	}
}
