package main

import "slices"

var pictures = []picture{
	{"start", "Seconds until Ready over the number of nodes, beside those of as many plain pods", "start", startDiagrams},
	{"packed", "Seconds until Ready and memory over the number of nodes, in shared pods and with a pod for each", "packed", packedDiagrams},
	{"growth", "Processor time of a reconcile pass and heap of the operator over the nodes and edges of its networks", "growth", growthDiagrams},
	{"soak", "Memory, goroutines and processor time of the operator over the time", "soak", soakDiagrams},
}

func startDiagrams(samples []fields) []diagram {
	nodes := field("nodes")
	return []diagram{{x: "nodes", y: "seconds", dots: true, curves: some(
		column("network, until Ready", samples, nodes, field("network")),
		column("plain StatefulSet", samples, nodes, field("floor")),
	)}}
}

func packedDiagrams(samples []fields) []diagram {
	nodes := field("nodes")
	return []diagram{
		{x: "nodes", y: "seconds until Ready", dots: true, curves: some(
			column("in shared pods", samples, nodes, field("seconds")),
			column("a pod for each node", samples, nodes, field("separate")),
		)},
		{x: "nodes", y: "MiB of the whole cluster", dots: true, curves: some(
			column("in shared pods", samples, nodes, field("memory")),
			column("a pod for each node", samples, nodes, field("separate_memory")),
		)},
	}
}

// growthDiagrams have a curve for each kind of network that has several sizes.
func growthDiagrams(samples []fields) []diagram {
	size := field("size")
	total := func(f fields) (float64, bool) {
		n, known := f.number("networks")
		each, measured := f.number("size")
		return n * each, known && measured
	}
	pass := diagram{x: "nodes and edges of a network, logarithmic", y: "CPU of a pass, ms", log: true, dots: true}
	heap := diagram{x: "nodes and edges of all networks, logarithmic", y: "heap, MiB", log: true, dots: true}
	var groups []string
	for _, f := range samples {
		if group := f["group"]; !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	for _, group := range groups {
		rows := slices.DeleteFunc(slices.Clone(samples), func(f fields) bool { return f["group"] != group })
		if c := column(group, rows, size, field("pass")); len(c.points) > 1 && c.points[0].X != c.points[len(c.points)-1].X {
			pass.curves = append(pass.curves, c)
		}
		heap.curves = append(heap.curves, column(group, rows, total, field("heap")))
	}
	heap.curves = some(heap.curves...)
	return slices.DeleteFunc([]diagram{pass, heap}, func(d diagram) bool { return len(d.curves) == 0 })
}

func soakDiagrams(samples []fields) []diagram {
	minutes := func(f fields) (float64, bool) {
		s, known := f.number("second")
		return s / 60, known
	}
	return []diagram{
		{x: "minutes", y: "MiB", curves: some(
			column("resident", samples, minutes, field("resident")),
			column("heap in use", samples, minutes, field("heap")),
		)},
		{x: "minutes", y: "goroutines", curves: some(column("goroutines", samples, minutes, field("goroutines")))},
		{x: "minutes", y: "% of a core", curves: some(usage(samples))},
	}
}

// usage is the processor time between one sample and the next. It begins again with an operator that starts again.
func usage(samples []fields) curve {
	c := curve{name: "processor time"}
	for i := 1; i < len(samples); i++ {
		from, to := samples[i-1], samples[i]
		a, _ := from.number("second")
		b, known := to.number("second")
		before, _ := from.number("cpu")
		after, measured := to.number("cpu")
		if known && measured && b > a && after >= before {
			c.points = append(c.points, struct{ X, Y float64 }{b / 60, (after - before) / (b - a) * 100})
		}
	}
	return c
}
