package importer

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// FuzzImport checks that every file gives an error of invalid input, or networks within the limits of the API, the same ones each time.
func FuzzImport(f *testing.F) {
	// Short ones: Go spends its time on making those shorter that find something.
	f.Add([]byte(channelOfWarnet("capacity: 50000, id: {block: 500}")), []byte("ln: {cln: true}\naddnode: [a, b]\nimage: {tag: v1}"))
	f.Add([]byte(polar("a b", "x@a y@b", link("50000", "0"))), []byte(nil))
	f.Add([]byte(`{"networks":[{"name":"a"},{"name":"b"}],"charts":{}}`), []byte(nil))
	f.Add([]byte("x: &x [*x]\nnodes: [{<<: *x}]"), []byte("ln: {lnd: yes}"))
	f.Fuzz(func(t *testing.T, data, defaults []byte) {
		s := Source{File: "f", Folder: "f" + string(defaults), Data: data, Defaults: defaults}
		r, err := Import(s)
		if err != nil {
			if _, wrong := err.(*invalid.Error); !wrong { //nolint:errorlint // the exit code depends on it
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		within(t, r)
		onlyComments(t, r)
		again, err := Import(s)
		if err != nil || again.Comments() != r.Comments() {
			t.Fatalf("the second time: %v\n%s", err, cmp.Diff(r, again))
		}
	})
}

func within(t *testing.T, r *Result) {
	t.Helper()
	b := r.Bitcoin
	if !names.MatchString(b.Name) || b.Spec.Nodes < 1 || b.Spec.Nodes > maxNodes || int(b.Spec.Nodes) != len(r.bitcoin) {
		t.Fatalf("the BitcoinNetwork %q has %d nodes", b.Name, b.Spec.Nodes)
	}
	if b.Spec.Topology != nil {
		for _, edge := range b.Spec.Topology.Edges {
			if edge.From < 0 || edge.From >= edge.To || edge.To >= b.Spec.Nodes {
				t.Fatalf("the edge is %+v of %d nodes", edge, b.Spec.Nodes)
			}
		}
	}
	if r.Lightning == nil {
		return
	}
	l := r.Lightning.Spec
	if l.BitcoinNetwork != b.Name || l.Nodes < 1 || l.Nodes > maxLND || len(l.Channels) > maxChannels {
		t.Fatalf("the LightningNetwork has %d nodes and %d channels at %q", l.Nodes, len(l.Channels), l.BitcoinNetwork)
	}
	for _, c := range l.Channels {
		ends := min(c.From, c.To) >= 0 && max(c.From, c.To) < l.Nodes && c.From != c.To
		if !ends || c.Capacity < minCapacity || c.Capacity > maxCapacity || c.Push < 0 || c.Push >= c.Capacity {
			t.Fatalf("the channel is %+v of %d nodes", c, l.Nodes)
		}
	}
}

// FuzzRead checks that a hostile archive gives an error of invalid input, or no more than MaxSize.
func FuzzRead(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read("f", bytes.NewReader(data), int64(len(data)))
		if _, wrong := err.(*invalid.Error); err != nil && !wrong || len(got) > MaxSize && err == nil { //nolint:errorlint // the exit code depends on it
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
