//go:build e2e

package lightning

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// outside is a program on the machine of the tests, which trusts these certificates only and has no access to the cluster.
type outside struct {
	*network
	trusted *x509.CertPool
}

// client sends requests by HTTP/2, as gRPC does, and expects a certificate for this host; "" for that of the address.
func (o outside) client(host string) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: o.trusted, ServerName: host, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
	return &http.Client{Transport: transport, Timeout: e2e.LimitFactor() * 10 * time.Second}
}

// grpc calls the method of LND that needs no macaroon, at its gRPC port.
func (o outside) grpc(address, host string) error {
	// A message of no bytes: not compressed, and its length.
	request, err := http.NewRequestWithContext(o.Context(), http.MethodPost, "https://"+address+"/lnrpc.State/GetState", strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	response, err := o.client(host).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if status := response.Trailer.Get("Grpc-Status"); response.StatusCode != http.StatusOK || status != "0" {
		return fmt.Errorf("HTTP status %d, gRPC status %q", response.StatusCode, status)
	}
	return nil
}

// reaches waits until a node answers at its gRPC port: the cluster nodes learn some time after a pod is ready that they may send it connections.
func (o outside) reaches(status v1.LightningNodeStatus, host string) {
	o.Helper()
	o.eventually(fmt.Sprintf("node %d to answer at %s", status.Ordinal, status.Exposed.GRPC), 30*time.Second, func() error { return o.grpc(status.Exposed.GRPC, host) })
}

// rest calls getinfo with a macaroon, at the REST port, and returns the HTTP status.
func (o outside) rest(address, macaroon string) (int, error) {
	request, err := http.NewRequestWithContext(o.Context(), http.MethodGet, "https://"+address+"/v1/getinfo", nil)
	if err != nil {
		return 0, err
	}
	if macaroon != "" {
		request.Header.Set("Grpc-Metadata-macaroon", macaroon)
	}
	response, err := o.client("").Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() //nolint:errcheck // only the status is of interest
	return response.StatusCode, nil
}

// trusting the certificate in the directory of a node.
func (n *network) trusting(node int) outside {
	n.Helper()
	trusted := x509.NewCertPool()
	if text := n.beside(n.lndPod(node), "lnd", "cat $p/root/data/tls.cert"); !trusted.AppendCertsFromPEM([]byte(text)) {
		n.Fatalf("no certificate: %s", text)
	}
	return outside{n, trusted}
}

// exposed waits until all nodes have addresses in the status, and the network is Ready.
func (n *network) exposed() (nodes []v1.LightningNodeStatus) {
	n.Helper()
	n.eventually("the addresses in the status", readyTimeout, func() error {
		got := n.get()
		nodes = got.Status.Nodes
		if c := condition(got, v1.LightningConditionReady); c.Status != metav1.ConditionTrue {
			return fmt.Errorf("it is not Ready: %s: %s", c.Reason, c.Message)
		}
		if slices.ContainsFunc(nodes, func(s v1.LightningNodeStatus) bool { return s.Exposed == nil }) {
			return fmt.Errorf("%+v", nodes)
		}
		return nil
	})
	return nodes
}

// update applies a change of the specification.
func (n *network) update(edit func(*v1.LightningNetworkSpec)) {
	n.Helper()
	n.eventually("the change to be written", 10*time.Second, func() error {
		networks := cluster.Networks.BitcoincontrollerV1().LightningNetworks(n.namespace)
		got, err := networks.Get(n.Context(), n.name, metav1.GetOptions{})
		if err == nil {
			edit(&got.Spec)
			_, err = networks.Update(n.Context(), got, metav1.UpdateOptions{})
		}
		return err
	})
}

// A wallet on the machine of the tests reaches each node at the address of a cluster node, with the certificate of LND and a macaroon. The
// pods, and the channels in them, are those of before.
func TestANodeIsReachedFromOutsideWithACertificateForItsAddress(t *testing.T) {
	testtools.Docker(t)
	env := newEnv(t, 3)
	n := env.create("open", zmq(1), line(2))
	n.ready()
	before, pods := n.points(), []string{string(env.pod(n.lndPod(0)).UID), string(env.pod(n.lndPod(1)).UID)}
	if got := n.get().Status.Nodes[0].Exposed; got != nil {
		t.Errorf("exposed by default: %+v", got)
	}
	n.update(func(s *v1.LightningNetworkSpec) {
		s.Expose = &v1.LightningExpose{Type: v1.ExposeNodePort}
	})
	for i, status := range n.exposed() {
		o := n.trusting(i)
		o.reaches(status, "")
		baked, err := n.exec(n.lndPod(i), "lnd", "lncli", "bakemacaroon", "info:read")
		if err != nil {
			t.Fatal(err)
		}
		for macaroon, want := range map[string]int{baked: http.StatusOK, "": http.StatusInternalServerError} {
			if got, err := o.rest(status.Exposed.REST, macaroon); err != nil || got != want {
				t.Errorf("node %d by REST, with a macaroon: %v: HTTP status %d, want %d (%v)", i, macaroon != "", got, want, err)
			}
		}
		if conn, err := (&net.Dialer{Timeout: e2e.LimitFactor() * 5 * time.Second}).DialContext(t.Context(), "tcp", status.Exposed.P2P); err != nil {
			t.Errorf("node %d by P2P: %v", i, err)
		} else {
			_ = conn.Close() //nolint:errcheck // nothing was written
		}
	}
	// A name of the user, in place of the address.
	n.update(func(s *v1.LightningNetworkSpec) { s.Expose.Hosts = []v1.LightningHost{"lnd.example.com"} })
	status := n.exposed()[0]
	o := n.trusting(0)
	o.reaches(status, "lnd.example.com")
	if err := o.grpc(status.Exposed.GRPC, ""); !isHostname(err) {
		t.Errorf("by the address, for which the certificate is not any more: %v", err)
	}
	n.update(func(s *v1.LightningNetworkSpec) { s.Expose = nil })
	n.eventually("the Services to be gone", readyTimeout, func() error {
		_, err := cluster.Core.CoreV1().Services(n.namespace).Get(context.Background(), n.lndPod(1)+"-expose", metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err == nil:
			err = errors.New("one exists")
		}
		return err
	})
	n.asDeclared()
	if after := n.points(); !slices.Equal(before, after) {
		t.Errorf("keys and channels were\n%v\nand are\n%v", before, after)
	}
	if after := []string{string(env.pod(n.lndPod(0)).UID), string(env.pod(n.lndPod(1)).UID)}; !slices.Equal(pods, after) {
		t.Errorf("the pods were %v, and are %v", pods, after)
	}
}

func isHostname(err error) bool {
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}
