package apiserver_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// measured is an operator with networks of its own.
type measured struct {
	name, file string
	flags      []string
	ns         *apiserver.Namespace
	rounds     []figures
}

// figures of one run: seconds until it has reconciled its networks, and of the processor until then, and the MiB of most memory and least
// heap while it polls them.
type figures [4]float64

// BenchmarkOperatorsWithoutLightningNetworks compares the operators of OPERATORS, each NAME=PROGRAM[,FLAG]…, in ROUNDS with NETWORKS of three
// simulated nodes each. test/bench/lightning.sh calls it.
func BenchmarkOperatorsWithoutLightningNetworks(b *testing.B) {
	var operators []*measured
	for entry := range strings.FieldsSeq(os.Getenv("OPERATORS")) {
		name, command, _ := strings.Cut(entry, "=")
		words := strings.Split(command, ",")
		operators = append(operators, &measured{name: name, file: words[0], flags: words[1:]})
	}
	if len(operators) == 0 {
		b.Skip("OPERATORS is not set; see test/bench/lightning.sh")
	}
	networks, rounds := fromEnvironment(b, "NETWORKS"), fromEnvironment(b, "ROUNDS")
	for b.Loop() {
		for _, m := range operators {
			m.prepare(b, networks)
		}
		for range rounds {
			for _, m := range operators {
				m.rounds = append(m.rounds, m.measure(b, networks))
			}
		}
	}
	table := fmt.Sprintf("\n%-10s %18s %18s %18s %18s\n", "operator", "start s", "CPU of it s", "resident MiB", "heap MiB")
	first := operators[0].medians()
	for _, m := range operators {
		table += fmt.Sprintf("%-10s", m.name)
		for i, figure := range m.medians() {
			table += fmt.Sprintf(" %9.2f %8s", figure, fmt.Sprintf("x%.3f", figure/first[i]))
		}
		table += "\n"
	}
	fmt.Fprint(os.Stdout, table) // b.Log keeps ten lines, those of others included
}

func fromEnvironment(b *testing.B, name string) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		b.Fatalf("%s is no number: %v", name, err)
	}
	return n
}

// prepare creates the networks, with the first start of the operator.
func (m *measured) prepare(b *testing.B, networks int) {
	b.Helper()
	m.ns = apiserver.NewNamespace(b)
	op := m.ns.StartProgram(apiserver.ProgramOptions{File: m.file, Direct: true, Flags: m.flags})
	for i := range networks {
		m.ns.Create(fmt.Sprint("net-", i), v1.BitcoinNetworkSpec{Nodes: 3})
	}
	for i := range networks {
		m.ns.Network(fmt.Sprint("net-", i)).WaitReady()
	}
	op.Stop()
}

// window is for how long the memory is measured. The garbage collector runs many times meanwhile.
const window = 20 * time.Second

func (m *measured) measure(b *testing.B, networks int) (f figures) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	op := m.ns.StartProgram(apiserver.ProgramOptions{File: m.file, Direct: true, Flags: append([]string{
		"--metrics-bind-address", address, "--metrics-secure=false", "--poll-interval", "1s",
	}, m.flags...)})
	defer op.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for f[0] == 0 || time.Since(began) < window+time.Duration(f[0]*float64(time.Second)) {
		op.Running()
		if s, err := scrape(address); err == nil {
			if f[0] == 0 && s["controller_runtime_reconcile_total"] >= float64(networks) {
				f[0], f[1], f[3] = time.Since(began).Seconds(), s["process_cpu_seconds_total"], s["go_memstats_heap_inuse_bytes"]/(1<<20)
				tick.Reset(200 * time.Millisecond)
			}
			f[2], f[3] = max(f[2], s["process_resident_memory_bytes"]/(1<<20)), min(f[3], s["go_memstats_heap_inuse_bytes"]/(1<<20))
		}
		if time.Since(began) > apiserver.Limit+window {
			b.Fatalf("%s has not reconciled %d networks within %s", m.name, networks, apiserver.Limit)
		}
		<-tick.C
	}
	return f
}

// scrape returns the metrics by name, summed up over their labels.
func scrape(address string) (map[string]float64, error) {
	answer, err := http.Get("http://" + address + "/metrics") //nolint:noctx // it answers at once
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	sums, lines := map[string]float64{}, bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if labels := strings.LastIndexByte(lines.Text(), '}'); labels >= 0 {
			name, value = name[:strings.IndexByte(name+"{", '{')], strings.TrimSpace(lines.Text()[labels+1:])
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			sums[name] += n
		}
	}
	return sums, lines.Err()
}

func (m *measured) medians() (f figures) {
	for i := range f {
		var values []float64
		for _, round := range m.rounds {
			values = append(values, round[i])
		}
		slices.Sort(values)
		f[i] = (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return f
}
