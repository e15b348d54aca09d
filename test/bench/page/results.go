package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// run describes what was measured, when and on what.
type run struct {
	bench string
	// fields are command, date, revision, go, cpu, cores, memory and kernel.
	fields fields
}

// figure is a measured value, beside its reference where it has one.
type figure struct {
	run              *run
	key              string
	value            float64
	compared         bool
	reference, ratio float64
	// ratios are those of all rounds, of which ratio is the median.
	ratios []float64
	rounds int
	// against is the revision that the reference is of.
	against string
}

// series are the samples of the last run that has any.
type series struct {
	run     *run
	samples []fields
}

// fields are those of a line, by their names.
type fields map[string]string

// results of all files.
type results struct {
	runs    []*run
	figures map[string]figure
	series  map[string]*series
}

func newResults() *results {
	return &results{figures: map[string]figure{}, series: map[string]*series{}}
}

// parse adds the lines of a file, whose form test/bench/results/README.md has. Its errors begin with the number of the line.
func (r *results) parse(text string) error {
	var current *run
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(words) < 2 {
			return fmt.Errorf("line %d: %q has no key", number, words[0])
		}
		f, err := parseFields(words[2:])
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		switch {
		case words[0] == "run":
			current = &run{bench: words[1], fields: f}
			r.runs = append(r.runs, current)
		case current == nil:
			return fmt.Errorf("line %d: it belongs to no run", number)
		case words[0] == "figure":
			if err := r.addFigure(current, words[1], f); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
		case words[0] == "sample":
			if r.series[words[1]] == nil || r.series[words[1]].run != current {
				r.series[words[1]] = &series{run: current}
			}
			r.series[words[1]].samples = append(r.series[words[1]].samples, f)
		default:
			return fmt.Errorf("line %d: %q is neither run, figure nor sample", number, words[0])
		}
	}
	return nil
}

func parseFields(words []string) (fields, error) {
	f := fields{}
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		if !found {
			return nil, fmt.Errorf("%q is not NAME=VALUE", word)
		}
		f[name] = value
	}
	return f, nil
}

func (r *results) addFigure(of *run, key string, f fields) error {
	if _, known := define(key); !known {
		return fmt.Errorf("figures.go has no title of the figure %s", key)
	}
	fig := figure{run: of, key: key, against: f["against"]}
	_, fig.compared = f["ratio"]
	var problems []string
	number := func(name, text string) float64 {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s of %s is no number: %q", name, key, text))
		}
		return n
	}
	fig.value = number("value", f["value"])
	if fig.compared {
		fig.reference, fig.ratio = number("reference", f["reference"]), number("ratio", f["ratio"])
	}
	if f["ratios"] != "" {
		for text := range strings.SplitSeq(f["ratios"], ",") {
			fig.ratios = append(fig.ratios, number("a ratio", text))
		}
	}
	if f["rounds"] != "" {
		fig.rounds = int(number("rounds", f["rounds"]))
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	r.figures[key] = fig
	return nil
}

// used are the runs of which the page shows anything.
func (r *results) used() []*run {
	shown := map[*run]bool{}
	for f := range maps.Values(r.figures) {
		shown[f.run] = true
	}
	for s := range maps.Values(r.series) {
		shown[s.run] = true
	}
	return slices.DeleteFunc(slices.Clone(r.runs), func(r *run) bool { return !shown[r] })
}

// number returns a field, and whether it is a number.
func (f fields) number(name string) (float64, bool) {
	n, err := strconv.ParseFloat(f[name], 64)
	return n, err == nil
}
