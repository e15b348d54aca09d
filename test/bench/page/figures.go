package main

import (
	"fmt"
	"strconv"
	"strings"
)

// definition is what the page knows of a figure that a bench records.
type definition struct {
	// key is that of the bench. One that ends with * stands for all that have a number in its place, and the title has it for %s.
	key     string
	section string
	title   string
	unit    string
	// reference is what the figure is compared with in the same run.
	reference string
	limits    []limit
}

// limit is the most that a figure, or its ratio to the reference, is to be.
type limit struct {
	of   quantity
	most float64
}

type quantity bool

const (
	value quantity = false
	ratio quantity = true
)

// Where several definitions hold, the first one does.
var definitions = []definition{
	{"network-3", "start", "3 nodes until `Ready`", "s", "3 plain pods", []limit{{ratio, 1.5}}},
	{"network-10", "start", "10 nodes until `Ready`", "s", "10 plain pods", []limit{{ratio, 1.4}}},
	{"network-50", "start", "50 nodes until `Ready`", "s", "50 plain pods", []limit{{ratio, 1.1}}},
	{"network-*", "start", "%s nodes until `Ready`", "s", "as many plain pods", nil},
	{"killed-pod", "start", "one pod of 3 is killed, until `Ready` again", "s", "3 plain pods", []limit{{value, 4}, {ratio, 1.3}}},

	{"packed-100", "packed", "100 nodes until `Ready`", "s", "a pod for each node", []limit{{ratio, 0.25}}},
	{"packed-memory-*", "packed", "%s nodes, memory of the whole cluster", "MiB", "a pod for each node", nil},
	{"packed-*", "packed", "%s nodes until `Ready`", "s", "a pod for each node", nil},

	{"machines-200", "machines", "200 nodes until `Ready`", "s", "200 plain pods", nil},
	{"machines-*", "machines", "%s nodes until `Ready`", "s", "as many plain pods", nil},
	{"machines-memory-*", "machines", "%s nodes, memory of all pods", "MiB", "as many plain pods", nil},

	{"memory-1000", "memory", "1000 networks of 3 nodes, resident", "MiB", "", []limit{{value, 150}}},
	{"memory-most-*", "memory", "%s networks of 3 nodes, resident at most", "MiB", "", nil},
	{"memory-cpu-*", "memory", "%s networks of 3 nodes, of a core", "%", "", nil},
	{"memory-*", "memory", "%s networks of 3 nodes, resident", "MiB", "", nil},

	{"image-size", "size", "image of the operator, compressed", "MB", "", []limit{{value, 30}}},

	{"idle-writes", "growth", "writes to the API server for a network and minute without changes, most of all rows", "requests", "", []limit{{value, 0}}},
	{"idle-reads", "growth", "reads from the API server for a network and minute without changes, most of all rows", "requests", "", []limit{{value, 0}}},

	{"soak-resident", "soak", "resident", "MiB", "second quarter of the run", nil},
	{"soak-heap", "soak", "heap in use, at least", "MiB", "second quarter of the run", []limit{{ratio, 1.25}}},
	{"soak-goroutines", "soak", "goroutines", "", "second quarter of the run", []limit{{ratio, 1.25}}},

	{"node-anonymous", "node", "memory of its own", "MiB", "bitcoind's defaults", nil},
	{"node-resident", "node", "resident memory", "MiB", "bitcoind's defaults", nil},
	{"node-disk", "node", "disk", "MiB", "bitcoind's defaults", nil},

	{"lightning-start", "lightning", "start until all networks are reconciled", "s", "Lightning off", nil},
	{"lightning-cpu", "lightning", "processor time of it", "s", "Lightning off", nil},
	{"lightning-resident", "lightning", "resident", "MiB", "Lightning off", nil},
	{"lightning-heap", "lightning", "heap", "MiB", "Lightning off", nil},

	{"charts-cpu", "charts", "two of 40 charts linted and packaged, processor time", "s", "`ct lint` and `cr package`", []limit{{ratio, 0.5}}},
	{"charts-time", "charts", "two of 40 charts linted and packaged", "s", "`ct lint` and `cr package`", []limit{{ratio, 0.5}}},
	{"promote-cpu", "charts", "one version more in an index of 10,000, processor time", "s", "`cr index`", []limit{{value, 0.3}, {ratio, 0.05}}},
	{"promote-time", "charts", "one version more in an index of 10,000", "s", "`cr index`", nil},
	{"promote-memory", "charts", "one version more in an index of 10,000, memory", "MiB", "`cr index`", []limit{{value, 40}}},
	{"promote-anonymous", "charts", "one version more in an index of 10,000, memory of its own", "MiB", "`cr index`", nil},

	{"daily-demo", "daily", "`scripts/demo.sh` again", "s", "earlier revision", []limit{{ratio, 0.75}}},
	{"daily-cluster-tests", "daily", "`scripts/test.sh --cluster` again", "s", "earlier revision", []limit{{ratio, 0.8}}},
	{"daily-network-tests", "daily", "all tests of `test/network` again", "s", "earlier revision", []limit{{ratio, 0.8}}},
	{"daily-node-image", "daily", "node image without a registry, from nothing", "s", "earlier revision", []limit{{ratio, 0.6}}},
}

// define finds the definition of a key, with the key's number in the title.
func define(key string) (definition, bool) {
	for _, d := range definitions {
		if d.key == key {
			return d, true
		}
		prefix, open := strings.CutSuffix(d.key, "*")
		number, found := strings.CutPrefix(key, prefix)
		if _, err := strconv.Atoi(number); open && found && err == nil {
			d.title = fmt.Sprintf(d.title, number)
			return d, true
		}
	}
	return definition{}, false
}

// text is the limit in a table.
func (l limit) text(unit string) string {
	if l.of == ratio {
		return fmt.Sprintf("ratio ≤ %g", l.most)
	}
	return strings.TrimSpace(fmt.Sprintf("≤ %g %s", l.most, unit))
}

// holds reports whether the figure is within the limit.
func (l limit) holds(f figure) bool {
	if l.of == ratio {
		return f.compared && f.ratio <= l.most
	}
	return f.value <= l.most
}
