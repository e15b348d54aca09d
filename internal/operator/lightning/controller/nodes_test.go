package controller

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// agentWith is a Reconciler whose agents all have this credential, and an operator with two keys.
func agentWith(t *testing.T, has bitcoind.Credential, current, previous bitcoind.Credential) *Reconciler {
	t.Helper()
	credential, err := podhttp.ParseCredential(has.RPCAuth())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(credential.Authorized("lnd-agent", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(api.State{Process: api.Running}) //nolint:errcheck // the client is the test
	}))
	t.Cleanup(server.Close)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	of := func(c bitcoind.Credential) func(*v1.LightningNetwork) bitcoind.Credential {
		return func(*v1.LightningNetwork) bitcoind.Credential { return c }
	}
	return &Reconciler{agents: api.NewClient(dial), options: Options{Settings: resources.Settings{Credential: of(current)}, PreviousCredential: of(previous)}}
}

func TestTheCredentialThatAnAgentAcceptsIsKnown(t *testing.T) {
	first, second, third := bitcoind.DeriveCredential([]byte("first"), "uid"), bitcoind.DeriveCredential([]byte("second"), "uid"), bitcoind.DeriveCredential([]byte("third"), "uid")
	for name, test := range map[string]struct {
		has, want bitcoind.Credential
	}{"the current": {second, second}, "that of before the rotation": {first, first}, "neither": {third, bitcoind.Credential{}}} {
		r := agentWith(t, test.has, second, first)
		nodes := []node{{pod: runningPod()}}
		r.observe(t.Context(), &v1.LightningNetwork{}, nodes)
		if n := nodes[0]; n.salt != test.want.Salt || (n.err == nil) != (test.want.Salt != "") || n.err != nil && !errors.Is(n.err, api.ErrUnauthorized) {
			t.Errorf("%s: salt %q, %v", name, n.salt, n.err)
		}
	}
}

func TestAPodThatDoesNotAnswerKeepsItsCredentialInTheStatus(t *testing.T) {
	status := v1.LightningNodeStatus{CredentialSalt: "before"}
	setNode(&status, &v1.LightningNetwork{}, &node{})
	if status.CredentialSalt != "before" {
		t.Errorf("%+v", status)
	}
	setNode(&status, &v1.LightningNetwork{}, &node{salt: "now"})
	if status.CredentialSalt != "now" {
		t.Errorf("%+v", status)
	}
}

func runningPod() *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Status.PodIP = "192.0.2.1"
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: resources.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	return pod
}
