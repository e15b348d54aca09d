package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

// Clients are those of the cluster under test.
type Clients struct {
	Config   *rest.Config
	Core     kubernetes.Interface
	Networks versioned.Interface
	bitcoind *rpcClient
}

// Connect returns clients of the cluster that the kubeconfig names. They have no limit of requests, and repeat what an API server without
// time did not answer.
func Connect() (*Clients, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return retrying{next} })
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	networks, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	clients := &Clients{Config: config, Core: core, Networks: networks}
	clients.bitcoind, err = newRPCClient(clients)
	return clients, err
}

// retrying repeats a GET when the API server or its database had no time for it, or the connection broke. No other error is
// repeated: it may be the operator's fault.
type retrying struct{ next http.RoundTripper }

// maxTries is how often a request is sent.
const maxTries = 5

// interval is the time between two tries. Tests shorten it.
var interval = time.Second

// Retried counts the requests that were repeated, for the end of the run.
var Retried atomic.Int64

func (r retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for try := 1; ; try++ {
		answer, err := r.next.RoundTrip(request)
		if request.Method != http.MethodGet || subresource(request.URL.Path) || try == maxTries || err == nil && !overloaded(answer) {
			return answer, err
		}
		if err == nil {
			answer.Body.Close()
		}
		Retried.Add(1)
		select {
		case <-tick.C:
		case <-request.Context().Done():
			return nil, request.Context().Err()
		}
	}
}

// subresource reports whether a request is answered by a node of the cluster or by a pod.
func subresource(path string) bool {
	return strings.HasSuffix(path, "/exec") || strings.HasSuffix(path, "/log") || strings.Contains(path, "/proxy")
}

// overloaded reports whether the API server returns that it, or its database, timed out. The body can still be read.
func overloaded(answer *http.Response) bool {
	if answer.StatusCode != http.StatusInternalServerError && answer.StatusCode != http.StatusGatewayTimeout {
		return false
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var status metav1.Status
	if err != nil || json.Unmarshal(body, &status) != nil {
		return false
	}
	return status.Reason == metav1.StatusReasonTimeout || status.Reason == metav1.StatusReasonServerTimeout || strings.Contains(status.Message, "etcdserver")
}
