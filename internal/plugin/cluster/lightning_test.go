package cluster

import (
	"errors"
	"io"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What lncli of LND 0.21 prints, and LND in it.
func TestErrorsOfLNDAreDistinguishedFromANodeThatDoesNotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		lnd        bool
	}{
		"an error of LND":   {"[lncli] rpc error: code = AlreadyExists desc = invoice is already paid\n", "LND in p returned an error: invoice is already paid", true},
		"control codes":     {"[lncli] rpc error: code = Unknown desc = a\x1b[2J", `LND in p returned an error: a\u001b[2J`, true},
		"an error of lncli": {"[lncli] payment not confirmed", "LND in p returned an error: payment not confirmed", true},
		"starting": {
			"[lncli] rpc error: code = Unknown desc = the RPC server is in the process of starting up, but not yet ready to accept calls",
			"the node p does not answer: the RPC server is in the process of starting up, but not yet ready to accept calls; kubectl describe pod p shows its state", false,
		},
		"no certificate yet": {
			"[lncli] could not load global options: could not load TLS cert file: open /data/tls.cert: no such file or directory",
			"the node p does not answer: could not load global options: could not load TLS cert file: open /data/tls.cert: no such file or directory; kubectl describe pod p shows its state", false,
		},
		"not running": {
			`[lncli] rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:10009: connect: connection refused"`,
			`the node p does not answer: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:10009: connect: connection refused"; kubectl describe pod p shows its state`, false,
		},
		"no text": {"", "the node p does not answer: lncli ended with exit code 1; kubectl describe pod p shows its state", false},
	} {
		_, err := (&Client{Lightning: ending(1, c.text)}).LNCLI(t.Context(), "p", "x")
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: the error is %v, and should be %s", name, err, c.want)
		}
		if _, lnd := errors.AsType[*LNDError](err); lnd != c.lnd || Transient(err) == lnd {
			t.Errorf("%s: %T, transient is %t", name, err, Transient(err))
		}
	}
}

func TestLNCLIHasTheOptionsOfThePodAndItsOutputAlsoWhenItFails(t *testing.T) {
	c := &Client{Lightning: scripted(func(command []string, out, errOut io.Writer) error {
		_, _ = io.WriteString(out, strings.Join(command, " ")+"\n")
		return ending(1, "[lncli] FAILED\n")(command, out, errOut)
	})}
	for range 2 { // the arguments of one call must not be in the next
		text, err := c.LNCLI(t.Context(), "p", "payinvoice", "x")
		if text != "lncli --lnddir=/data --network=regtest --rpcserver=127.0.0.1:10009 payinvoice x" || err == nil {
			t.Errorf("it is %q (%v)", text, err)
		}
	}
	if _, err := AskLND[int](t.Context(), &Client{Lightning: ending(0, "")}, "p", "getinfo"); err == nil {
		t.Error("no output is an answer")
	}
}

func TestErrorsAboutLightningNetworksHaveOneSentence(t *testing.T) {
	group := schema.GroupResource{Resource: "lightningnetworks"}
	undefined := apierrors.NewGenericServerResponse(404, "get", group, "ln", "404 page not found", 0, true)
	c := &Client{Namespace: "ns"}
	for want, err := range map[string]error{
		"the cluster has no LightningNetworks: an administrator switches them on with the value lightning.enabled=true": c.explainLightning(undefined, "get", "ln"),
		`namespace "ns" has no Lightning network ln: kubectl get lnnet`:                                                 c.explainLightning(apierrors.NewNotFound(group, "ln"), "get", "ln"),
		`namespace "ns" already has a Lightning network ln`:                                                             c.explainLightning(apierrors.NewAlreadyExists(group, "ln"), "create", "ln"),
		`your account has no right to list lightningnetworks in namespace "ns"`:                                         c.explainLightning(apierrors.NewForbidden(group, "", errors.New(`User "bob" cannot list`)), "list", ""),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("it is %v, and should begin with %s", err, want)
		}
	}
	// A namespace that does not exist, and not the definition.
	space := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "ns")
	if err := c.explainLightning(space, "create", "ln"); err == nil || err.Error() != `namespaces "ns" not found` {
		t.Errorf("without the namespace: %v", err)
	}
	if got := notReady(nil, "Ready", 1); !strings.Contains(got, "not reconciled it yet") {
		t.Errorf("without a condition: %q", got)
	}
	ready := []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Funding", Message: "later", ObservedGeneration: 1}}
	if got := notReady(ready, "Ready", 1); got != "Funding: later" {
		t.Errorf("with a condition: %q", got)
	}
}
