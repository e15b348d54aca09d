package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/archive/archivetest"
)

// snapshotFile writes a snapshot of ten blocks, without wallets.
func snapshotFile(t *testing.T, last time.Time) (name, digest string) {
	t.Helper()
	var b archive.Builder
	for _, block := range archivetest.Chain(10, last) {
		if err := b.Add(block); err != nil {
			t.Fatal(err)
		}
	}
	data, _, err := b.Pack(archive.Manifest{Network: archive.Network{Name: "net", Nodes: 3}}, []archive.Wallet{})
	name = filepath.Join(t.TempDir(), "net.snapshot")
	if err == nil {
		err = os.WriteFile(name, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name, archive.Digest(data)
}

func TestASnapshotIsCheckedBeforeAnythingIsCreated(t *testing.T) {
	w := newWorld(t, three())
	name, digest := snapshotFile(t, time.Now())
	damaged := name + ".damaged"
	data, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(damaged, data[:len(data)/2], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	future, _ := snapshotFile(t, time.Now().Add(3*time.Hour))
	other := "sha256:" + strings.Repeat("0", 64)
	w.fails(exitFailed, "is no snapshot that can be used: it is cut off; nothing was created", "create", "new", "--from", damaged)
	w.fails(exitFailed, "has the digest "+digest+", and not "+other, "create", "new", "--from", name, "--digest", other)
	w.fails(exitFailed, "which nodes accept from", "create", "new", "--from", future)
	w.fails(exitFailed, "does not exist", "create", "new", "--from", name+"x")
	w.fails(exitInvalid, "--digest \"sha256:1\" is none", "create", "new", "--from", name, "--digest", "sha256:1")
	w.fails(exitInvalid, "name it with --from", "create", "new", "--digest", digest)
	w.fails(exitInvalid, "is no place for a snapshot", "create", "new", "--from", "https://example.com/x")
	w.fails(exitFailed, `namespace "ns" already has a network net`, "create", "net", "--from", name)
	if list, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 1 {
		t.Errorf("the networks are %v (%v)", list.Items, err)
	}
	// The manifest has the number of nodes of the snapshot, and needs no cluster.
	if got := w.works("create", "new", "--from", name, "--digest", digest, "--dry-run=client", "-o", "yaml"); !strings.Contains(got, "nodes: 3") {
		t.Errorf("it printed %s", got)
	}
}

func TestInspectPrintsTheManifest(t *testing.T) {
	w := newWorld(t, three())
	name, digest := snapshotFile(t, time.Now())
	if got := w.works("snapshot", "inspect", name, "--digest", digest); !strings.Contains(got, `"height": 10`) || !strings.Contains(got, digest) {
		t.Errorf("it printed %s", got)
	}
	w.fails(exitInvalid, "2 arguments are wrong", "snapshot", "inspect", name, name)
	w.fails(exitInvalid, `the command "x" does not exist`, "snapshot", "x")
}

// An existing network from the same snapshot, which is not complete, is taken.
func TestAStartFromASnapshotContinues(t *testing.T) {
	w := newWorld(t, three())
	name, digest := snapshotFile(t, time.Now())
	network, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Get(t.Context(), "net", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	network.Annotations = map[string]string{annotationSnapshot: digest}
	if _, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Update(t.Context(), network, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.forward = noRoute
	if code := w.run("create", "net", "--from", name, "--timeout", "50ms"); code != exitFailed {
		t.Errorf("it ended with %d", code)
	}
	for _, want := range []string{"from this snapshot: continuing with it", "with chain and wallets on no node: the same command continues, and kubectl delete btcnet net begins anew"} {
		if !strings.Contains(w.err.String(), want) {
			t.Errorf("it printed %s, without %q", w.err.String(), want)
		}
	}
	// Another size would be ignored.
	w.fails(exitFailed, "was started from this snapshot, and has 3 nodes, not 5: the same number continues, and kubectl delete btcnet net begins anew",
		"create", "net", "--from", name, "--nodes", "5", "--timeout", "50ms")
}

func TestASnapshotIsOfAnyReadyNode(t *testing.T) {
	w := newWorld(t, three())
	w.fails(exitInvalid, "has a digest, which follows from the content", "snapshot", "save", "net", "oci://host/repo@sha256:"+strings.Repeat("0", 64))
	w.forward = noRoute
	w.fails(exitFailed, "the node net-sts-0 does not answer: no route", "snapshot", "save", "net", filepath.Join(t.TempDir(), "x"))
	network, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Get(t.Context(), "net", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range network.Status.Nodes {
		network.Status.Nodes[i].Ready = false
	}
	if _, err := w.networks.BitcoincontrollerV1().BitcoinNetworks("ns").Update(t.Context(), network, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.fails(exitFailed, "no node of net is ready", "snapshot", "save", "net", filepath.Join(t.TempDir(), "x"))
}

func TestTheWordsOfMessages(t *testing.T) {
	w := newWorld(t, three())
	w.fails(exitInvalid, "are the same node", "messages", "net", "1", "net-sts-1")
	w.fails(exitInvalid, "is negative", "messages", "net", "0", "1", "--duration", "-1s")
	w.fails(exitInvalid, "is no network", "messages", "net/0", "0", "1")
	w.fails(exitInvalid, "no node 7", "messages", "net", "0", "7")
	w.nodes.crossing = func(_, _ *node) bool { return false }
	w.fails(exitFailed, "the nodes 0 and 1 are not connected: kubectl btcnet tree net shows which are", "messages", "net", "0", "1")
}

// The categories that were off are off again, also when the logs could not be followed, and no other.
func TestTheLogsAreRestored(t *testing.T) {
	w := newWorld(t, three())
	w.nodes.logging = map[string]map[string]bool{
		"net-sts-0": {"net": true, "cmpctblock": false, "mempool": false, "zmq": false}, "net-sts-1": {"net": false, "cmpctblock": false, "mempool": false},
	}
	w.run("messages", "net", "0", "1", "--duration", "200ms") // the fake clientset has no log that continues
	calls := strings.Join(w.nodes.calls, "\n")
	for _, want := range []string{`net-sts-0 logging ["cmpctblock","mempool"] []`, `net-sts-1 logging ["net","cmpctblock","mempool"] []`} {
		if !strings.Contains(calls, want) {
			t.Errorf("the calls lack %s:\n%s", want, calls)
		}
	}
	if got := w.nodes.logging; !got["net-sts-0"]["net"] || got["net-sts-0"]["mempool"] || got["net-sts-1"]["net"] {
		t.Errorf("the categories are %v", got)
	}
}

func TestMessagesArePrintedInTheOrderOfTheirTimes(t *testing.T) {
	var out bytes.Buffer
	w := newWatch(&out)
	at := func(source, ms int, text string) {
		if err := w.line(t.Context(), lineAt(source, ms, text)); err != nil {
			t.Fatal(err)
		}
	}
	at(0, 1, "[net] received: inv (37 bytes) peer=5")
	at(0, 2, "[net] got inv: block 0f  new peer=5")
	at(1, 3, "[net] received: getdata (37 bytes) peer=9")
	at(0, 4, "[net] received: pong (8 bytes) peer=6") // of another node
	at(0, 5, "[net] received: block (300 bytes) peer=5")
	at(1, 6, "[net] received: ping (8 bytes) peer=9") // not wanted
	if err := w.flushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "00:00:00.001  b -> a  inv              37 bytes  block 0f new\n" +
		"00:00:00.003  a -> b  getdata          37 bytes  \n" +
		"00:00:00.005  b -> a  block           300 bytes  \n"
	if out.String() != want {
		t.Errorf("it printed\n%s\nand should\n%s", out.String(), want)
	}
}
