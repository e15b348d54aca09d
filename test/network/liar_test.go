//go:build e2e

package network

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kind "github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// liarImage builds the image of a node that answers garbage and brings it into the kind cluster.
func liarImage(env *testEnv) string {
	env.Helper()
	testtools.Docker(env.T)
	nodes, err := cluster.core.CoreV1().Nodes().List(env.Context(), metav1.ListOptions{})
	if err != nil {
		env.Fatal(err)
	}
	name, isKind := strings.CutSuffix(nodes.Items[0].Name, "-control-plane")
	if !isKind {
		testtools.Missing(env.T, "this is no kind cluster, so the image cannot be loaded")
	}
	index, err := image.Build(env.Context(), image.Spec{
		SourceDir: "..", Package: "./network/liar/bitcoind", Platforms: []string{"linux/" + runtime.GOARCH}, SourceDate: time.Unix(0, 0),
	})
	if err != nil {
		env.Fatal(err)
	}
	handler, err := devserver.Registry(env.TempDir(), nil)
	if err != nil {
		env.Fatal(err)
	}
	registry := httptest.NewServer(handler)
	defer registry.Close()
	repository := strings.TrimPrefix(registry.URL, "http://") + "/bitcoind"
	digest, _, err := image.Access{}.Push(env.Context(), index, repository+":liar", false)
	if err != nil {
		env.Fatal(err)
	}
	k, err := kind.Open(name, "", nil)
	if err != nil {
		env.Fatal(err)
	}
	ref := repository + ":liar@" + digest
	if _, err := k.LoadImages(env.Context(), image.Access{}, ref); err != nil {
		env.Fatal(err)
	}
	return ref
}

func TestANodeThatAnswersGarbageIsNamedAndHoldsUpNobody(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	n := network("lied-to", 3)
	n.Spec.Groups = []v1.Group{{Name: "liar", Nodes: 1, Image: liarImage(env)}}
	env.create(n)
	env.eventually("the honest nodes to be connected, and the liar to be named", readyTimeout, func() error {
		status := env.get("lied-to").Status
		ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "lied-to-liar-sts-0") {
			return fmt.Errorf("the condition is %+v", ready)
		}
		addresses, err := env.tryAddresses("lied-to", 3)
		if err != nil {
			return err
		}
		for i, want := range addresses {
			for other := range addresses {
				if other == i {
					continue
				}
				peers, err := env.peersOf(fmt.Sprintf("lied-to-sts-%d", other))
				if err != nil || !slices.Contains(peers, want) {
					return fmt.Errorf("node %d is connected with %v, not with %s (%w)", other, peers, want, err)
				}
			}
		}
		return nil
	})
	// An honest image in its place, and all is well without anybody's help.
	env.change("lied-to", func(s *v1.BitcoinNetworkSpec) { s.Groups[0].Image = "" })
	status := env.ready("lied-to", readyTimeout).Status
	if status.ReadyNodes != 4 || status.Connections != 6 {
		t.Errorf("Ready with %d nodes and %s connections", status.ReadyNodes, status.Connected)
	}
}
