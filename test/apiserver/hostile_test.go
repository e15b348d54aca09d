package apiserver_test

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// spoiled makes a node report another value in the answers to a method.
func spoiled(net *apiserver.Network, ordinal int, method, key string, value any) {
	node := net.Node(ordinal)
	node.Handle(method, func(method string, params []any) (any, error) {
		result, err := node.Call(method, params...)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(result)
		if err != nil {
			return nil, err
		}
		fields := map[string]any{}
		if err := json.Unmarshal(text, &fields); err != nil {
			return nil, err
		}
		fields[key] = value
		return fields, nil
	})
}

// bounded checks that texts have none of a node's long values.
func bounded(t *testing.T, what, text string, limit int) {
	t.Helper()
	if len(text) > limit || strings.Contains(text, strings.Repeat("x", 1000)) {
		t.Errorf("%s: %d bytes, %.300s", what, len(text), text)
	}
}

func TestANodeThatReportsWhatNoNodeOfRegtestDoesIsNotReadyAndInNoText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		method, key string
		value       any
		mention     string
	}{
		"another chain":           {"getblockchaininfo", "chain", "main", `it is on the chain "main", not on regtest`},
		"a chain of a megabyte":   {"getblockchaininfo", "chain", long, `it is on the chain "xxx`},
		"a hash of a megabyte":    {"getblockchaininfo", "bestblockhash", long, `its best block is "xxx`},
		"a negative height":       {"getblockchaininfo", "blocks", -1, "its height is -1"},
		"a version of a megabyte": {"getnetworkinfo", "subversion", long, "its version has 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			net, op := running(t, v1.BitcoinNetworkSpec{Nodes: 2})
			spoiled(net, 1, test.method, test.key, test.value)
			now := net.WaitCondition(v1.ConditionReady, metav1.ConditionFalse, "")
			text, err := json.Marshal(now)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.ReplaceAll(string(text), `\"`, `"`), test.mention) {
				t.Errorf("the status does not have %q: %.3000s", test.mention, text)
			}
			bounded(t, "the network", string(text), 32<<10)
			for _, event := range net.Events() {
				bounded(t, "an event", event.Note, 1024)
			}
			for line := range strings.SplitSeq(op.Log(), "\n") {
				bounded(t, "a line of the log", line, 32<<10)
			}
			net.Node(1).Handle(test.method, nil)
			net.WaitReady()
		})
	}
}
