package lightning

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Names are the ordinals of the nodes of a network by their public keys.
type Names map[string]int

// NamesOf a network, from its status.
func NamesOf(network *v1.LightningNetwork) Names {
	names := Names{}
	for _, node := range network.Status.Nodes {
		if node.PubKey != "" {
			names[node.PubKey] = int(node.Ordinal)
		}
	}
	return names
}

// keyLength is enough of a public key to distinguish nodes.
const keyLength = 12

// Name of a node for people: its ordinal, or the beginning of the key of a foreign one.
func (n Names) Name(key string) string {
	if ordinal, known := n[key]; known {
		return fmt.Sprint(ordinal)
	}
	return key[:min(keyLength, len(key))]
}

// ordinal of a node; nil for a foreign one.
func (n Names) ordinal(key string) *int {
	if ordinal, known := n[key]; known {
		return &ordinal
	}
	return nil
}

// table aligns rows, of which the first has the titles.
func table(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = terminal.Line(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // to memory
	return strings.TrimRight(b.String(), "\n")
}
