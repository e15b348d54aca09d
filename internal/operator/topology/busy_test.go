package topology

import (
	"slices"
	"testing"
)

func TestConnectionsOfBusyNodesAreWhatTheOtherSideReports(t *testing.T) {
	pair := []Edge{{0, 1}}
	for name, c := range map[string]struct {
		desired []Edge
		nodes   network
		have    int
		want    []string
	}{
		"nothing is done while both sides report the connection": {pair, newNetwork(2).listsAll().joined(1, 0).busy(0), 1, nil},
		"a connection that is new since then counts":             {pair, newNetwork(2).lists(1, address(0)).sends(1, 0).busy(0), 1, nil},
		"a connection that the other side has lost is missing, and dialled from there": {
			pair, newNetwork(2).listsAll().sends(0, 1).busy(0), 0, []string{"node 1: onetry 10.0.0.1"},
		},
		"a new node dials a busy one, and lists it": {pair, newNetwork(2).busy(0), 0, []string{"node 1: onetry 10.0.0.1", "node 1: add 10.0.0.1"}},
		"a handshake that the other side has not done is waited for": {
			pair, newNetwork(2).listsAll().joined(0, 1).with(func(n network) { n[1].Peers[0].Handshaked = false }).busy(0), 0, nil,
		},
		"between two busy nodes the earlier reports count":        {pair, newNetwork(2).listsAll().joined(1, 0).busy(0, 1), 1, nil},
		"two busy nodes without a connection cannot be connected": {pair, newNetwork(2).listsAll().busy(0, 1), 0, nil},
		"a busy node is not called for a new neighbour, which dials": {
			Desired(Spec{Nodes: 3}), newNetwork(3).lists(0, address(1)).lists(1, address(2), address(0)).lists(2, address(0), address(1)).
				joined(0, 1).joined(1, 2).busy(0), 2, []string{"node 2: onetry 10.0.0.1"},
		},
		"an edge that is removed is closed from the other side, and owed until the busy node can remove its entry": {
			nil, newNetwork(2).lists(0, address(1)).joined(0, 1).busy(0), 0,
			[]string{"node 0: remove 10.0.0.2", "node 1: disconnect 10.0.0.1:41234 (connection 0)"},
		},
		"an old address on the list of a busy node waits": {pair, newNetwork(2).lists(0, "10.7.7.7", address(1)).lists(1, address(0)).joined(0, 1).busy(0), 1, nil},
	} {
		t.Run(name, func(t *testing.T) { checkPlan(t, c.desired, c.nodes, c.have, c.want) })
	}
}

// checkPlan compares the calls and the number of connections that exist.
func checkPlan(t *testing.T, desired []Edge, nodes network, have int, want []string) {
	t.Helper()
	actions := Plan(desired, nodes)
	if got := texts(actions); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	checkActions(t, nodes, actions)
	if got, _ := Connected(desired, nodes); got != have {
		t.Errorf("%d connections exist, want %d", got, have)
	}
}

func TestEntriesThatAPersonAddedStayUnlessTheTopologyHasNoSuchConnection(t *testing.T) {
	pair := []Edge{{0, 1}}
	for name, c := range map[string]struct {
		desired []Edge
		nodes   network
		want    []string
	}{
		"an address outside the network stays": {nil, newNetwork(1).byHand(0, "10.9.9.9", "fd00::9", "10.9.9.9:18444", "btcd:18444"), nil},
		"its connection stays too": {nil, newNetwork(1).byHand(0, "10.9.9.9").
			sees(0, Peer{Address: "10.9.9.9:18444", Handshaked: true}), nil},
		"a desired neighbour stays": {pair, newNetwork(2).byHand(0, address(1)).lists(1, address(0)).joined(0, 1), nil},
		"a node without a desired connection goes, and then its connection": {pair, newNetwork(3).byHand(0, address(1), address(2)).lists(1, address(0)).
			joined(0, 1).joined(0, 2), []string{"node 0: remove 10.0.0.3"}},
		"with its port too":     {nil, newNetwork(2).byHand(0, "10.0.0.2:18444"), []string{"node 0: remove 10.0.0.2:18444"}},
		"with another port not": {nil, newNetwork(2).byHand(0, "10.0.0.2:8333"), nil},
		"by a name that has led to it too": {nil, newNetwork(2).byHand(0, "net-sts-1.net-svc").with(func(n network) {
			n[0].Resolved = map[string]string{"net-sts-1.net-svc": "10.0.0.2:18444"}
		}), []string{"node 0: remove net-sts-1.net-svc"}},
		"by a name that leads elsewhere not": {nil, newNetwork(2).byHand(0, "btcd").with(func(n network) {
			n[0].Resolved = map[string]string{"btcd": "10.9.9.9:18444"}
		}), nil},
		"a busy node owes it": {nil, newNetwork(2).byHand(0, "10.0.0.2:18444", "10.9.9.9").busy(0), []string{"node 0: remove 10.0.0.2:18444"}},
	} {
		t.Run(name, func(t *testing.T) {
			actions := Plan(c.desired, c.nodes)
			if got := texts(actions); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			checkActions(t, c.nodes, actions)
			for _, a := range actions {
				if a.Kind == Remove && !a.ByHand {
					t.Errorf("%v is not marked as added by a person", a)
				}
			}
		})
	}
}

// In a mesh of twelve a node lists eight of its eleven neighbours. A person may add one of the others.
func TestADesiredNeighbourThatAPersonAddedStaysBesideTheListOfTheOperator(t *testing.T) {
	desired := Desired(Spec{Nodes: 12})
	nodes := newNetwork(12)
	for _, e := range desired {
		nodes.joined(e.A, e.B)
	}
	for range 2 {
		for _, a := range Plan(desired, nodes) {
			if a.Kind == Add {
				nodes.lists(a.Node, a.Target)
			}
		}
	}
	if actions := Plan(desired, nodes); len(actions) > 0 {
		t.Fatalf("the lists are not complete: %v", actions)
	}
	nodes.byHand(0, address(11))
	if actions := Plan(desired, nodes); len(actions) > 0 {
		t.Errorf("%v", actions)
	}
	nodes[0].ByHand = nil
	if got, want := texts(Plan(desired, nodes)), []string{"node 0: remove 10.0.0.12"}; !slices.Equal(got, want) {
		t.Errorf("an entry of the operator: %q, want %q", got, want)
	}
}
