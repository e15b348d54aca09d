//go:build e2e

package network

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	watchtools "k8s.io/client-go/tools/watch"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

var cluster struct {
	config   *rest.Config
	core     kubernetes.Interface
	networks versioned.Interface
}

// connectOnce looks for the cluster when the first test needs it, so that the package can be listed without one.
var connectOnce = sync.OnceValue(connect)

// patient asks again where an API server that is short of time says so, or breaks off. Reading twice does no harm.
type patient struct{ next http.RoundTripper }

func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for try := 1; ; try++ {
		answer, err := p.next.RoundTrip(r)
		busy := err != nil || answer.StatusCode == http.StatusInternalServerError || answer.StatusCode == http.StatusGatewayTimeout
		if !busy || r.Method != http.MethodGet || strings.HasSuffix(r.URL.Path, "/exec") || try == 20 {
			return answer, err
		}
		if err == nil {
			answer.Body.Close()
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

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
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return patient{next} })
	cluster.config = config
	cluster.core = kubernetes.NewForConfigOrDie(config)
	cluster.networks = versioned.NewForConfigOrDie(config)
	_, err = cluster.networks.BitcoincontrollerV1().BitcoinNetworks("").List(context.Background(), metav1.ListOptions{Limit: 1})
	return err
}

// lab is a namespace for one test, which enforces the restricted Pod Security Standard.
type lab struct {
	*testing.T
	namespace string
}

// long keeps a test for the runs that have the time: what a release must never
// break runs with -short too.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}

// room is how many nodes the tests run at the same time, whatever go test calls parallel: a machine with two cores that
// starts a hundred at once is busy with nothing else, and then it is the machine that is tested.
var room = semaphore.NewWeighted(maxRoom)

const maxRoom = 24

// newLab waits until there is room for the nodes that the test will have at most.
func newLab(t *testing.T, nodes int) *lab {
	t.Helper()
	t.Parallel()
	needed := int64(min(nodes, maxRoom))
	if err := room.Acquire(t.Context(), needed); err != nil {
		t.Fatal(err)
	}
	// Registered first, so called last: when its nodes have ended.
	t.Cleanup(func() { room.Release(needed) })
	return entered(t)
}

// newLabAtOnce is for the tests that take longest, since they wait for most of their time: they do not wait for room as well.
func newLabAtOnce(t *testing.T) *lab {
	t.Helper()
	t.Parallel()
	return entered(t)
}

func entered(t *testing.T) *lab {
	t.Helper()
	l := &lab{T: t}
	t.Cleanup(l.emptied)
	l.enter()
	return l
}

// emptied waits until the nodes of a lab have ended, or for a while: what becomes of them is not what its test is about.
func (l *lab) emptied() {
	if l.namespace == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), slack*time.Minute)
	defer cancel()
	_ = wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		pods, err := cluster.core.CoreV1().Pods(l.namespace).List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil && len(pods.Items) == 0, nil
	})
}

// newLabAlone is for a test that others in the cluster would feel: go test runs it before those that are parallel.
func newLabAlone(t *testing.T) *lab {
	t.Helper()
	l := &lab{T: t}
	l.enter()
	return l
}

// enter makes the namespace.
func (l *lab) enter() {
	l.Helper()
	needCluster(l.T)
	space, err := cluster.core.CoreV1().Namespaces().Create(l.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "test-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		l.Fatal(err)
	}
	l.namespace = space.Name
	l.Cleanup(func() {
		if l.Failed() {
			l.dump()
		}
		l.noPasswordIn()
		if err := cluster.core.CoreV1().Namespaces().Delete(context.Background(), space.Name, metav1.DeleteOptions{}); err != nil {
			l.Errorf("delete the namespace %s: %v", space.Name, err)
		}
	})
}

// dump shows what a failed test leaves.
func (l *lab) dump() {
	networks, err := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, n := range networks.Items {
		status, _ := json.MarshalIndent(n.Status, "", " ")
		l.Logf("network %s: %s", n.Name, status)
	}
	events, err := cluster.core.CoreV1().Events(l.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			l.Logf("event %s %s: %s: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
}

// eventually calls the condition until it holds, and fails the test with its last word when the time is over.
func (l *lab) eventually(what string, limit time.Duration, condition func() error) {
	l.Helper()
	l.every(300*time.Millisecond, what, limit, condition)
}

// slack multiplies all limits, which are those of a quiet machine. One that is shared may be several times slower, and what
// never happens still ends.
const slack = 3

// every is eventually with a look less often, for what takes its time: a look costs the cluster that is under test.
func (l *lab) every(interval time.Duration, what string, limit time.Duration, condition func() error) {
	l.Helper()
	limit *= slack
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			l.Fatalf("waited %s for: %s; last: %v", limit, what, err)
		}
		select {
		case <-tick.C:
		case <-l.Context().Done():
			l.Fatalf("the test ended while it waited for: %s", what)
		}
	}
}

func (l *lab) create(network *v1.BitcoinNetwork) {
	l.Helper()
	made, err := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace).Create(l.Context(), network, metav1.CreateOptions{})
	if err == nil {
		err = sought.operatorsOwn(l.Context(), *made)
	}
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) get(name string) *v1.BitcoinNetwork {
	l.Helper()
	network, err := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace).Get(l.Context(), name, metav1.GetOptions{})
	if err != nil {
		l.Fatal(err)
	}
	return network
}

// change applies a change of the spec.
func (l *lab) change(name string, edit func(*v1.BitcoinNetworkSpec)) {
	l.Helper()
	l.eventually("the change to be written", 10*time.Second, func() error {
		network := l.get(name)
		edit(&network.Spec)
		_, err := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace).Update(l.Context(), network, metav1.UpdateOptions{})
		return err
	})
}

// ready waits for condition Ready as kubectl wait does: it returns at the first word of the API server's that has it true, and
// of the present generation.
func (l *lab) ready(name string, limit time.Duration) *v1.BitcoinNetwork {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), slack*limit)
	defer cancel()
	watched, err := cluster.networks.BitcoincontrollerV1().BitcoinNetworks(l.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		l.Fatal(err)
	}
	var network *v1.BitcoinNetwork
	if _, err := watchtools.UntilWithoutRetry(ctx, watched, func(event watch.Event) (bool, error) {
		if event.Type == watch.Error {
			return false, apierrors.FromObject(event.Object)
		}
		network, _ = event.Object.(*v1.BitcoinNetwork)
		ready := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionReady)
		return ready != nil && ready.ObservedGeneration == network.Generation && ready.Status == metav1.ConditionTrue, nil
	}); err != nil {
		l.Fatalf("waited %s for %s to be Ready; last: %s (%v)", slack*limit, name, l.readiness(name), err)
	}
	return network
}

// exec runs a command in a pod and returns its standard output.
func (l *lab) exec(pod, stdin string, command ...string) (string, error) {
	request := cluster.core.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(l.namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: "bitcoind", Command: command, Stdin: stdin != "", Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(cluster.config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(l.Context(), slack*30*time.Second)
	defer cancel()
	var out, errOut bytes.Buffer
	options := remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}
	if stdin != "" {
		options.Stdin = strings.NewReader(stdin)
	}
	if err := executor.StreamWithContext(ctx, options); err != nil {
		return "", fmt.Errorf("%s in %s: %w: %s", strings.Join(command, " "), pod, err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// cli runs bitcoin-cli in a pod, in the very words of the documentation.
func (l *lab) cli(pod string, args ...string) (string, error) {
	return l.exec(pod, "", append([]string{"/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf"}, args...)...)
}

// ask runs bitcoin-cli and decodes its answer.
func ask[T any](l *lab, pod string, args ...string) (T, error) {
	var answer T
	text, err := l.cli(pod, args...)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal([]byte(text), &answer)
}

type peer struct {
	Addr    string `json:"addr"`
	Version int    `json:"version"`
}

// peersOf returns the different addresses of a node's peers, as bitcoin-cli shows them.
func (l *lab) peersOf(pod string) ([]string, error) {
	peers, err := ask[[]peer](l, pod, "getpeerinfo")
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, p := range peers {
		host, _, err := net.SplitHostPort(p.Addr)
		if err != nil {
			host = p.Addr
		}
		if !slices.Contains(addresses, host) && p.Version > 0 {
			addresses = append(addresses, host)
		}
	}
	slices.Sort(addresses)
	return addresses, nil
}

// listOf returns the entries of a node's addnode list.
func (l *lab) listOf(pod string) ([]string, error) {
	entries, err := ask[[]struct {
		AddedNode string `json:"addednode"`
	}](l, pod, "getaddednodeinfo")
	var list []string
	for _, e := range entries {
		list = append(list, e.AddedNode)
	}
	slices.Sort(list)
	return list, err
}

// addresses returns the addresses of a network's pods by ordinal, from the API server.
func (l *lab) addresses(name string, nodes int) []string {
	l.Helper()
	list, err := l.tryAddresses(name, nodes)
	if err != nil {
		l.Fatal(err)
	}
	return list
}

func (l *lab) tryAddresses(name string, nodes int) ([]string, error) {
	list := make([]string, nodes)
	for i := range list {
		pod, err := cluster.core.CoreV1().Pods(l.namespace).Get(l.Context(), fmt.Sprintf("%s-sts-%d", name, i), metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		list[i] = pod.Status.PodIP
	}
	return list, nil
}

// ofEach asks a question of every node of a network, of several at the same time.
func ofEach[T any](l *lab, name string, nodes int, ask func(pod string) (T, error)) []T {
	l.Helper()
	answers := make([]T, nodes)
	var group errgroup.Group
	group.SetLimit(5)
	for i := range nodes {
		group.Go(func() (err error) {
			answers[i], err = ask(fmt.Sprintf("%s-sts-%d", name, i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		l.Fatal(err)
	}
	return answers
}

// exactly checks that the nodes have the connections that neighbours says, and no others. It looks once: at the moment
// that Ready turns true, it has to be so.
func (l *lab) exactly(name string, nodes int, neighbours func(i int) []int) {
	l.Helper()
	addresses := l.addresses(name, nodes)
	for i, got := range ofEach(l, name, nodes, l.peersOf) {
		var want []string
		for _, n := range neighbours(i) {
			want = append(want, addresses[n])
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			l.Errorf("node %d of %s is connected with %v, and should be with %v", i, name, got, want)
		}
	}
}

func others(nodes int) func(int) []int {
	return func(i int) []int {
		var list []int
		for n := range nodes {
			if n != i {
				list = append(list, n)
			}
		}
		return list
	}
}

// secret makes the credentials of the users.
func (l *lab) secret(name, user, password string) {
	l.Helper()
	sought.add(user+" in "+name, user, password)
	_, err := cluster.core.CoreV1().Secrets(l.namespace).Create(l.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		StringData: map[string]string{"BC_RPC_USER": user, "BC_RPC_PASSWORD": password},
	}, metav1.CreateOptions{})
	if err != nil {
		l.Fatal(err)
	}
}

func network(name string, nodes int32) *v1.BitcoinNetwork {
	return &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.BitcoinNetworkSpec{Nodes: nodes}}
}
