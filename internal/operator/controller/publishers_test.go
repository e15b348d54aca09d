package controller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// publishing is the annotation of a pod with two publishers.
const publishing = "rawblock=tcp://$(POD_IP):28332\nrawtx=tcp://0.0.0.0:28333"

// withPublishers configures a node's pod with publishers, of which bitcoind has these.
func withPublishers(n *node, has []bitcoind.Publisher, err error) {
	n.pod.Annotations = map[string]string{resources.AnnotationPublishers: publishing}
	n.pod.Status.PodIP = "10.0.0.7"
	n.answer.publishers, n.answer.publishersErr = has, err
}

func TestReadyNeedsThePublishersThatAreConfigured(t *testing.T) {
	block := bitcoind.Publisher{Type: "pubrawblock", Address: "tcp://10.0.0.7:28332"}
	loopback := bitcoind.Publisher{Type: "pubrawblock", Address: "tcp://127.0.0.1:28332"}
	tx := bitcoind.Publisher{Type: "pubrawtx", Address: "tcp://0.0.0.0:28333"}
	of := func(has ...bitcoind.Publisher) func(*policyInputs) {
		return func(in *policyInputs) { withPublishers(&in.nodes[1], has, nil) }
	}
	testReady(t, map[string]conditionTest{
		"all are active":  {of(loopback, block, tx), true, v1.ReasonReady, "all nodes are ready"},
		"none is active":  {of(), false, v1.ReasonPublishersMissing, "n-sts-1 (no publisher is active: bitcoind cannot use one of the addresses pubrawblock at tcp://10.0.0.7:28332, pubrawtx at tcp://0.0.0.0:28333)"},
		"one is missing":  {of(block), false, v1.ReasonPublishersMissing, "n-sts-1 (missing: pubrawtx at tcp://0.0.0.0:28333)"},
		"at another host": {of(loopback, tx), false, v1.ReasonPublishersMissing, "n-sts-1 (missing: pubrawblock at tcp://10.0.0.7:28332)"},
		"bitcoind without ZMQ": {func(in *policyInputs) {
			withPublishers(&in.nodes[1], nil, &bitcoind.RPCError{Code: -32601, Message: "Method not found"})
		}, false, v1.ReasonPublishersMissing, "n-sts-1 (its bitcoind may be built without ZMQ: Method not found (-32601))"},
		"a node without an answer comes first": {func(in *policyInputs) {
			withPublishers(&in.nodes[1], nil, nil)
			in.nodes[1].answer, in.nodes[1].err = nil, errors.New("no answer in time")
		}, false, v1.ReasonNodeNotAnswering, "n-sts-1 (no answer in time)"},
		"a rollout comes first": {func(in *policyInputs) {
			withPublishers(&in.nodes[1], nil, nil)
			in.objects.waitingFor = "waiting for another group"
		}, false, v1.ReasonUpdating, "another group"},
	})
	_, in := healthy()
	of()(in)
	if got := evaluate(in); !got.Stalled.Met || got.Stalled.Reason != v1.ReasonPublishersMissing {
		t.Errorf("only a user can help, and Stalled is %+v", got.Stalled)
	}
}

// The call is in the same round trip as the others, and a node answers also when it does not know it. A node without publishers does not
// get it: the whole round trip would fail, since the call is not in its rpcwhitelist.
func TestOnlyANodeWithPublishersGetsTheCallForThem(t *testing.T) {
	for name, test := range map[string]struct {
		annotations map[string]string
		result      any
		err         error
		want        int
	}{
		"none configured": {nil, nil, errors.New("it must not be asked"), 0},
		"active":          {map[string]string{resources.AnnotationPublishers: publishing}, []any{map[string]any{"type": "pubrawtx", "address": "tcp://*:1", "hwm": 9}}, nil, 1},
		"unknown call":    {map[string]string{resources.AnnotationPublishers: publishing}, nil, errors.New("Method not found"), 0},
	} {
		inBubble(t, func(t *testing.T) {
			fake := newFakeNodes()
			var called []string
			fake.answer(0, func(method string, params []any) (any, error) {
				called = append(called, method)
				if method == bitcoind.MethodPublishers {
					return test.result, test.err
				}
				return healthyNode(method, params)
			})
			network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
			pods := withAddresses(onChains(""))
			pods[0].pod.Annotations = test.annotations
			nodes, _ := fake.client(t).probeNodes(t.Context(), network, newNetworkState(network), pods)
			got := nodes[0].answer
			if got == nil {
				t.Fatalf("%s: no answer: %v", name, nodes[0].err)
			}
			if asked := slices.Contains(called, bitcoind.MethodPublishers); asked != (test.annotations != nil) || fake.calls()[0] != 1 {
				t.Errorf("%s: %d round trips with %v", name, fake.calls()[0], called)
			}
			failed := test.annotations != nil && test.err != nil
			if len(got.publishers) != test.want || (got.publishersErr != nil) != failed || failed && !strings.Contains(fmt.Sprint(got.publishersErr), "Method not found") {
				t.Errorf("%s: publishers %v, %v", name, got.publishers, got.publishersErr)
			}
		})
	}
}
