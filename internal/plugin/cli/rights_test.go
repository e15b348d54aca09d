package cli

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/streaming/pkg/httpstream"
)

// lacking is what the API server answers without a right.
func lacking(verb, resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New(`User "bob" cannot `+verb+` resource "`+resource+`" in API group "" in the namespace "ns"`))
}

func TestAMissingRightIsNamed(t *testing.T) {
	for _, verb := range []string{"get", "list", "create", "patch"} {
		w := newWorld(t, three())
		w.networks.PrependReactor(verb, "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, lacking(verb, "bitcoinnetworks")
		})
		want := `your account has no right to ` + verb + ` bitcoinnetworks in namespace "ns"`
		for line, needs := range map[string]string{
			"tree net": "get", "mine net 1": "get", "fund net bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080 1": "get", "tree": "list", "create new": "create",
		} {
			if needs == verb {
				w.fails(exitFailed, want, strings.Fields(line)...)
			}
		}
	}
	w := newWorld(t, three())
	w.networks.PrependReactor("list", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, lacking("list", "bitcoinnetworks")
	})
	w.fails(exitFailed, "no right to list bitcoinnetworks in all namespaces", "tree", "-A")
}

func TestTheMissingRightToCallNodesIsNamed(t *testing.T) {
	w := newWorld(t, three())
	w.nodes.failing["net-sts-"] = &httpstream.UpgradeFailureError{Cause: lacking("create", "pods/exec")}
	const want = `your account has no right to create pods/exec in namespace "ns": an administrator can give it with the role edit`
	w.fails(exitFailed, want, "mine", "net", "1")
	w.fails(exitFailed, want, "cli", "net", "help")
	w.fails(exitFailed, want, "wallet", "net")
	// The tree needs only the network.
	if got := w.works("tree", "net"); !strings.Contains(got, "should be connected with 1, 2") || !strings.Contains(w.err.String(), "no right to create pods/exec") {
		t.Errorf("the tree is\n%s%s", got, w.err.String())
	}
}

func TestARejectionThatIsNoMissingRightIsPassedOn(t *testing.T) {
	w := newWorld(t, three())
	w.networks.PrependReactor("create", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "bitcoinnetworks"}, "new", errors.New("exceeded quota: ten networks"))
	})
	w.fails(exitFailed, "exceeded quota: ten networks", "create", "new")
}

func TestANodeThatDoesNotAnswerIsNamed(t *testing.T) {
	w := newWorld(t, three())
	w.nodes.failing["net-sts-1"] = apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "net-sts-1")
	w.fails(exitFailed, "the node net-sts-1 does not answer: its pod does not exist", "mine", "net/1", "1")
	w.nodes.failing["net-sts-1"] = errors.New("container not running\x1b[2J\nsecond line")
	w.fails(exitFailed, `container not running\u001b[2J\nsecond line`, "cli", "net/1", "help")
}
