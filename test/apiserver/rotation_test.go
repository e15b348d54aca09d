package apiserver_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-logr/logr"

	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// withMasterKey is an operator that reads its key from a Secret, as the program does.
func withMasterKey(ns *apiserver.Namespace) apiserver.OperatorOptions {
	keys := credentials.New(ns.Clients, ns.Name, "master-key", logr.Discard())
	return apiserver.OperatorOptions{Edit: func(o *controller.Options) {
		o.Credentials, o.Settings.Credential, o.PreviousCredential = keys, keys.Current, keys.Previous
	}}
}

// A rotation reaches the nodes while the operator runs. The next operator has been set up before the rotation, as a replica that stands by.
func TestARotatedMasterKeyReachesTheNodesAndStays(t *testing.T) {
	t.Parallel()
	packings(t, rotateMasterKey)
}

func rotateMasterKey(t *testing.T, perPod int32) {
	ns := apiserver.NewNamespace(t)
	leader, standby := withMasterKey(ns), withMasterKey(ns)
	op := ns.StartOperator(leader)
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 2, NodesPerPod: perPod})
	net.WaitReady()
	before := net.StatefulSet().Status.UpdateRevision
	accept := func(credentials.MasterKeys) error { return nil }
	if err := credentials.RotateMasterKey(t.Context(), ns.Clients, ns.Name, "master-key", accept); err != nil {
		t.Fatal(err)
	}
	net.Wait("all nodes to use the new key", func() error {
		if set := net.StatefulSet(); set.Status.UpdateRevision == before || set.Status.UpdateRevision != set.Status.CurrentRevision {
			return fmt.Errorf("revisions %s and %s", set.Status.UpdateRevision, set.Status.CurrentRevision)
		}
		return nil
	})
	net.WaitReady()
	rotated := net.StatefulSet().Status.UpdateRevision
	if err := op.Stop(); err != nil {
		t.Fatal(err)
	}
	ns.StartOperator(standby)
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 3 })
	net.Eventually("three nodes", func(n *v1.BitcoinNetwork) error {
		if n.Status.ReadyNodes != 3 {
			return errors.New("not yet")
		}
		return nil
	})
	net.WaitReady()
	if now := net.StatefulSet().Status.UpdateRevision; now != rotated {
		t.Errorf("the next operator restarts the nodes: revision %s, and %s before", now, rotated)
	}
}
