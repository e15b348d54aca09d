package noderef

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func lightning(name string, nodes int32) v1.LightningNetwork {
	return v1.LightningNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.LightningNetworkSpec{Nodes: nodes}}
}

func TestNodesOfALightningNetworkAreNamedByOrdinalOrPod(t *testing.T) {
	network := lightning("ln", 3)
	for text, want := range map[string]string{"ln": "ln-lnd-0", "ln/2": "ln-lnd-2", "ln/ln-lnd-1": "ln-lnd-1"} {
		ref, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if node, err := ref.LightningNode(&network); err != nil || node.Pod != want {
			t.Errorf("%s is %+v, and should be %s (%v)", text, node, want, err)
		}
	}
	for text, want := range map[string]string{"ln/3": "its nodes are 0 to 2, and ln-lnd-0 to ln-lnd-2", "ln/a/0": "has no node a/0", "ln/-1": "has no node -1"} {
		ref, err := Parse(text)
		if err == nil {
			_, err = ref.LightningNode(&network)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, and should have %q", text, err, want)
		}
	}
	empty := lightning("none", 0)
	ref, err := Parse("none")
	if err == nil {
		_, err = ref.LightningNode(&empty)
	}
	if err == nil || !strings.Contains(err.Error(), "kubectl scale lnnet none --replicas=1") {
		t.Errorf("without nodes: %v", err)
	}
}

func TestLightningNetworksAndTheirNodesAreCompleted(t *testing.T) {
	networks := []v1.LightningNetwork{lightning("my-one", 1), lightning("my-two", 2), lightning("other", 1)}
	for prefix, want := range map[string][]string{
		"my-": {"my-one", "my-two"}, "my-two/": {"my-two/0\tmy-two-lnd-0", "my-two/1\tmy-two-lnd-1"}, "my-two/my": {"my-two/my-two-lnd-0", "my-two/my-two-lnd-1"}, "x": nil,
	} {
		if got := CompleteLightning(networks, prefix, true); !slices.Equal(got, want) {
			t.Errorf("%q gives %q, and should give %q", prefix, got, want)
		}
	}
	if got := CompleteLightning(networks, "my-two/", false); got != nil {
		t.Errorf("a command without nodes gets %q", got)
	}
	if got := Ordered(LightningNodes(&networks[1]), "1"); !slices.Equal(got, []string{"1\tmy-two-lnd-1"}) {
		t.Errorf("the nodes alone are %q", got)
	}
}
