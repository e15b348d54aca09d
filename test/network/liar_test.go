//go:build e2e

package network

import (
	"fmt"
	"net/http/httptest"
	"os/exec"
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
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// liarImage builds the image of a node that answers garbage and brings it into the kind cluster.
func liarImage(l *lab) string {
	l.Helper()
	if exec.CommandContext(l.Context(), "docker", "info").Run() != nil {
		l.Skip("no Docker here, so no way to bring an image into the cluster")
	}
	nodes, err := cluster.core.CoreV1().Nodes().List(l.Context(), metav1.ListOptions{})
	if err != nil {
		l.Fatal(err)
	}
	name, isKind := strings.CutSuffix(nodes.Items[0].Name, "-control-plane")
	if !isKind {
		l.Skip("this is no kind cluster, so no way to bring an image into it")
	}
	index, err := image.Build(l.Context(), image.Spec{
		SourceDir: "..", Package: "./network/liar/bitcoind", Platforms: []string{"linux/" + runtime.GOARCH}, SourceDate: time.Unix(0, 0),
	})
	if err != nil {
		l.Fatal(err)
	}
	handler, err := devserver.Registry(l.TempDir(), nil)
	if err != nil {
		l.Fatal(err)
	}
	registry := httptest.NewServer(handler)
	defer registry.Close()
	repository := strings.TrimPrefix(registry.URL, "http://") + "/bitcoind"
	digest, _, err := image.Access{}.Push(l.Context(), index, repository+":liar", false)
	if err != nil {
		l.Fatal(err)
	}
	k, err := kind.Open(name, "", nil)
	if err != nil {
		l.Fatal(err)
	}
	ref := repository + ":liar@" + digest
	if _, err := k.LoadImages(l.Context(), image.Access{}, ref); err != nil {
		l.Fatal(err)
	}
	return ref
}

func TestANodeThatAnswersGarbageIsNamedAndHoldsUpNobody(t *testing.T) {
	long(t)
	l := newLab(t, 4)
	n := network("lied-to", 3)
	n.Spec.Groups = []v1.Group{{Name: "liar", Nodes: 1, Image: liarImage(l)}}
	l.create(n)
	l.eventually("the honest nodes to be connected, and the liar to be named", patience, func() error {
		status := l.get("lied-to").Status
		ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "lied-to-liar-sts-0") {
			return fmt.Errorf("the condition is %+v", ready)
		}
		addresses, err := l.tryAddresses("lied-to", 3)
		if err != nil {
			return err
		}
		for i, want := range addresses {
			for other := range addresses {
				if other == i {
					continue
				}
				peers, err := l.peersOf(fmt.Sprintf("lied-to-sts-%d", other))
				if err != nil || !slices.Contains(peers, want) {
					return fmt.Errorf("node %d is connected with %v, not with %s (%w)", other, peers, want, err)
				}
			}
		}
		return nil
	})
	// An honest image in its place, and all is well without anybody's help.
	l.change("lied-to", func(s *v1.BitcoinNetworkSpec) { s.Groups[0].Image = "" })
	status := l.ready("lied-to", patience).Status
	if status.ReadyNodes != 4 || status.Connections != 6 {
		t.Errorf("Ready with %d nodes and %s connections", status.ReadyNodes, status.Connected)
	}
}
