package noderef

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func network() *v1.BitcoinNetwork {
	return &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net"}, Spec: v1.BitcoinNetworkSpec{
		Nodes: 3, Groups: []v1.Group{{Name: "old", Nodes: 2}, {Name: "7", Nodes: 1}},
	}}
}

func TestNodesAreFoundByEachOfTheirNames(t *testing.T) {
	for text, want := range map[string]Node{
		"net":               {0, "net-sts-0", "", 0},
		"net/0":             {0, "net-sts-0", "", 0},
		"net/2":             {2, "net-sts-2", "", 2},
		"net/3":             {3, "net-old-sts-0", "old", 0},
		"net/net-sts-1":     {1, "net-sts-1", "", 1},
		"net/net-old-sts-1": {4, "net-old-sts-1", "old", 1},
		"net/old/1":         {4, "net-old-sts-1", "old", 1},
		"net/7/0":           {5, "net-7-sts-0", "7", 0},
		"net/5":             {5, "net-7-sts-0", "7", 0},
		"net/0005":          {5, "net-7-sts-0", "7", 0},
	} {
		ref, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ref.Node(network()); err != nil || got != want || ref.String() != text {
			t.Errorf("%s is %+v (%v), and should be %+v", ref, got, err, want)
		}
	}
}

func TestNamesOfNoNodeAreRejected(t *testing.T) {
	for _, text := range []string{"", "/", "net/", "/1", "net//1", "net/old/1/2", "net/6", "net/-1", "net/main", "net/old/2", "net/new/0", "net/net-sts-9", "net/old/x", "net/1\x1b"} {
		ref, err := Parse(text)
		if err == nil {
			_, err = ref.Node(network())
		}
		if err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestANetworkWithoutNodesHasNone(t *testing.T) {
	ref, _ := Parse("net")
	if _, err := ref.Node(&v1.BitcoinNetwork{}); err == nil {
		t.Error("a node of no nodes")
	}
}

func TestNamesAreCompleted(t *testing.T) {
	list := []v1.BitcoinNetwork{*network(), {ObjectMeta: metav1.ObjectMeta{Name: "next"}}}
	for _, c := range []struct {
		prefix string
		nodes  bool
		want   []string
	}{
		{"ne", true, []string{"net", "next"}},
		{"nex", true, []string{"next"}},
		{"net/", false, nil},
		{"net/1", true, []string{"net/1\tnet-sts-1"}},
		{"net/net-o", true, []string{"net/net-old-sts-0", "net/net-old-sts-1"}},
		{"other/", true, nil},
	} {
		if got := Complete(list, c.prefix, c.nodes); !slices.Equal(got, c.want) {
			t.Errorf("%q is completed to %q, and should be to %q", c.prefix, got, c.want)
		}
	}
}

func TestSidesOfAPartition(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"0,1", "2,3"}, "0, 1|2, 3"},
		{[]string{"0"}, "0"},
		{[]string{"3,0-1"}, "0, 1, 3"},
		{[]string{"0-2", "3-4"}, "0-2|3, 4"},
	} {
		sets, err := Sets(c.arguments, 5)
		got := ""
		for i, set := range sets {
			if i > 0 {
				got += "|"
			}
			var ordinals []int
			for _, n := range set {
				ordinals = append(ordinals, int(n))
			}
			got += Ranges(ordinals)
		}
		if err != nil || got != c.want {
			t.Errorf("%q are %s (%v), and should be %s", c.arguments, got, err, c.want)
		}
	}
	for _, arguments := range [][]string{{}, {""}, {"0,"}, {"5"}, {"0", "0,1"}, {"0,0"}, {"0-4"}, {"4-2"}, {"-1"}, {"a"}, {"1-"}, {"0-99999999999"}, {"0x1"}} {
		if sets, err := Sets(arguments, 5); err == nil {
			t.Errorf("%q are accepted as %v", arguments, sets)
		}
	}
}
