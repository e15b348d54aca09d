package main

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// picture is a file in docs/pictures, with diagrams below each other.
type picture struct {
	name, title string
	// series has the samples.
	series   string
	diagrams func([]fields) []diagram
}

// diagram has several curves over one axis.
type diagram struct {
	x, y   string
	curves []curve
	// log is for quantities whose growth is compared: what grows linearly has the same slope everywhere.
	log bool
	// dots shows each point.
	dots bool
}

type curve struct {
	name   string
	points plotter.XYs
}

// On white, which every picture has as its background: pages in dark mode do not change pictures.
var colors = []color.Color{
	color.RGBA{0x1f, 0x5f, 0xa8, 0xff}, color.RGBA{0xb3, 0x59, 0x00, 0xff}, color.RGBA{0x2e, 0x7d, 0x32, 0xff},
	color.RGBA{0x7b, 0x1f, 0xa2, 0xff}, color.RGBA{0x55, 0x55, 0x55, 0xff},
}

const width, height = 16 * vg.Centimeter, 7 * vg.Centimeter

// svg draws the picture; nil without samples.
func (p picture) svg(r *results) ([]byte, error) {
	s := r.series[p.series]
	if s == nil {
		return nil, nil
	}
	var plots [][]*plot.Plot
	for _, d := range p.diagrams(s.samples) {
		drawn, err := d.plot()
		if err != nil {
			return nil, err
		}
		plots = append(plots, []*plot.Plot{drawn})
	}
	canvas := vgsvg.New(width, height*vg.Length(len(plots)))
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadX: 8, PadY: 8, PadTop: 8, PadBottom: 8, PadLeft: 8, PadRight: 12}
	whole := draw.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Rectangle.Path())
	for i, row := range plot.Align(plots, tiles, whole) {
		plots[i][0].Draw(row[0])
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return accessible(b.Bytes(), p.title)
}

// accessible adds the title, and the fonts that readers have in place of gonum's.
func accessible(svg []byte, title string) ([]byte, error) {
	text, title := string(svg), html.EscapeString(title)
	head := strings.Index(text, "<svg ")
	end := strings.IndexByte(text[max(head, 0):], '>')
	if head < 0 || end < 0 {
		return nil, fmt.Errorf("the drawing is no SVG: %.80s", text)
	}
	attributes, content := text[head+len("<svg "):head+end], text[head+end+1:]
	text = fmt.Sprintf("%s<svg role=\"img\" aria-label=%q %s>\n<title>%s</title>%s", text[:head], title, attributes, title, content)
	return []byte(strings.ReplaceAll(text, "font-family:Liberation Sans", "font-family:Liberation Sans,Arial,Helvetica,sans-serif")), nil
}

// plot lays the diagram out.
func (d diagram) plot() (*plot.Plot, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = d.x, d.y
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs = 10
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe0}, color.Gray{0xe0}
	p.Add(grid)
	for i, c := range d.curves {
		line, points, err := plotter.NewLinePoints(c.points)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		line.Color, line.Width = colors[i%len(colors)], vg.Points(1.5)
		points.Color, points.Shape, points.Radius = line.Color, draw.CircleGlyph{}, vg.Points(2.5)
		p.Add(line)
		if d.dots {
			p.Add(points)
		}
		if len(d.curves) > 1 {
			p.Legend.Add(c.name, line)
		}
	}
	// Above the curves is room for the legend.
	if d.log {
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(decades), plot.TickerFunc(decades)
		p.X.Min, p.X.Max = p.X.Min/1.2, p.X.Max*1.2
		p.Y.Min, p.Y.Max = p.Y.Min/1.2, p.Y.Max*(1+float64(len(d.curves)))
	} else {
		p.X.Min, p.Y.Min = 0, 0
		p.Y.Max *= 1.1 + 0.1*float64(len(d.curves))
	}
	return p, nil
}

// decades are the ticks 1, 2 and 5 of each power of ten.
func decades(least, most float64) (ticks []plot.Tick) {
	for power := math.Floor(math.Log10(least)); power <= math.Log10(most); power++ {
		for _, digit := range []float64{1, 2, 5} {
			if at := digit * math.Pow(10, power); at >= least && at <= most {
				ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'f', -1, 64)})
			}
		}
	}
	return ticks
}

// column returns the curve of two fields. Samples that lack one of them, or have what no logarithm has, are left out.
func column(name string, samples []fields, x, y func(fields) (float64, bool)) (c curve) {
	c.name = name
	for _, f := range samples {
		a, known := x(f)
		b, measured := y(f)
		if known && measured && a > 0 && b > 0 {
			c.points = append(c.points, plotter.XY{X: a, Y: b})
		}
	}
	slices.SortStableFunc(c.points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	return c
}

// field returns the function that reads a field.
func field(name string) func(fields) (float64, bool) {
	return func(f fields) (float64, bool) { return f.number(name) }
}

// some are the curves that have points.
func some(curves ...curve) []curve {
	return slices.DeleteFunc(curves, func(c curve) bool { return len(c.points) == 0 })
}
