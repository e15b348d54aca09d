package recipes

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func TestTheLinesOfANode(t *testing.T) {
	addresses := map[string]string{"rpc": "127.0.0.1:20000", "p2p": "127.0.0.1:20001", "rawblock": "127.0.0.1:20002", "rawtx": "127.0.0.1:20003"}
	for name, spec := range map[string]v1.BitcoinNetworkSpec{"plain": {}, "complete": {Secret: "credentials", ZMQ: &v1.ZMQ{}}} {
		got := Lines(&v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns"}, Spec: spec}, addresses)
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPortsOfPublishersExistWithZMQOnly(t *testing.T) {
	if plain, zmq := Ports(&v1.BitcoinNetwork{}), Ports(&v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{ZMQ: &v1.ZMQ{}}}); len(plain) != 2 || len(zmq) != 7 {
		t.Errorf("there are %d and %d ports", len(plain), len(zmq))
	}
}
