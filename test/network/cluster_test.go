//go:build e2e

package network

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

var cluster struct {
	config   *rest.Config
	core     kubernetes.Interface
	networks versioned.Interface
}

// connectOnce connects to the cluster when the first test needs it, so that the package can be listed without one.
var connectOnce = sync.OnceValue(connect)

func needCluster(t *testing.T) {
	t.Helper()
	if err := connectOnce(); err != nil {
		t.Fatalf("this test needs a cluster with the operator in it: set KUBECONFIG, or run scripts/test.sh (%v)", err)
	}
}

func connect() error {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return err
	}
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return retrying{next} })
	cluster.config = config
	cluster.core = kubernetes.NewForConfigOrDie(config)
	cluster.networks = versioned.NewForConfigOrDie(config)
	_, err = cluster.networks.BitcoincontrollerV1().BitcoinNetworks("").List(context.Background(), metav1.ListOptions{Limit: 1})
	return err
}

// retrying repeats a GET when the API server or its database had no time for it, or the connection broke. No other error is
// repeated: it may be the operator's fault.
type retrying struct{ next http.RoundTripper }

// maxTries is how often a request is sent, once a second.
const maxTries = 5

// retried counts the requests that were repeated, for the end of the run.
var retried atomic.Int64

func (r retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for try := 1; ; try++ {
		answer, err := r.next.RoundTrip(request)
		if request.Method != http.MethodGet || subresource(request.URL.Path) || try == maxTries || err == nil && !overloaded(answer) {
			return answer, err
		}
		if err == nil {
			answer.Body.Close()
		}
		retried.Add(1)
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
