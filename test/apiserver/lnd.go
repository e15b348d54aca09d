package apiserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// readinessInterval is that of the readiness probe of an LND.
const readinessInterval = 100 * time.Millisecond

// lndPlace simulates the pod of an LND: its agent, and LND itself.
type lndPlace struct {
	machine *machine
	pod     *corev1.Pod
	node    *lightningtest.LND
	// address of the pod; "" while it does not run.
	address string
	server  *http.Server
	ended   chan struct{}
	active  atomic.Bool
	// bitcoind is the node behind the Service that the agent was given, as it was then: LND resolves it once.
	bitcoind atomic.Pointer[target]
}

// target is where a Service leads to.
type target struct {
	pod  string
	slot int
}

func isLND(pod *corev1.Pod) bool {
	container := nodeOf(pod)
	return container != nil && container.Name == "lnd"
}

// newLND has the wallet of its claim, if there is one.
func (m *machine) newLND(pod *corev1.Pod) *lndPlace {
	at := &lndPlace{machine: m, pod: pod}
	if at.node = m.wallets[claimOf(pod)]; at.node == nil {
		at.node = m.lightning.Start(at.blocks)
		at.node.Stop()
	}
	at.node.ForgetBackend()
	return at
}

// start the container on a loopback address that is free.
func (l *lndPlace) start() error {
	address := fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(128), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // an address
	listener, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(api.Port)))
	if err != nil {
		return err
	}
	l.address, l.ended = address, make(chan struct{})
	l.active.Store(false)
	l.mountSecret()
	l.node.Resume(l.blocks)
	l.server = &http.Server{Handler: l.named(l.node.Handler(l.authorize, l.check)), ReadHeaderTimeout: 10 * time.Second}
	go l.server.Serve(listener) //nolint:errcheck // it ends with stop
	go l.probe(l.ended)
	return nil
}

// named rejects the requests that are not for this pod by name.
func (l *lndPlace) named(handle http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(podhttp.PodHeader) != l.pod.Name {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		handle.ServeHTTP(w, r)
	})
}

// stop the container.
func (l *lndPlace) stop() {
	close(l.ended)
	l.server.Close() //nolint:errcheck // no caller is left
	l.node.Stop()
	l.address = ""
}

func (l *lndPlace) ready() bool { return l.active.Load() }

// probe is the readiness probe.
func (l *lndPlace) probe(ended chan struct{}) {
	ticker := time.NewTicker(readinessInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		l.mountSecret()
		if active := l.node.Active(); active != l.active.Swap(active) {
			l.machine.tend(l.pod)
		}
	}
}

// mountSecret is what the kubelet does for a Secret that is optional, and the agent for one of the user.
func (l *lndPlace) mountSecret() {
	for _, volume := range l.pod.Spec.Volumes {
		if volume.Secret == nil {
			continue
		}
		_, err := l.machine.clients.CoreV1().Secrets(l.machine.namespace).Get(context.Background(), volume.Secret.SecretName, metav1.GetOptions{})
		switch {
		case err == nil:
			l.node.SetSecret("")
		case apierrors.IsNotFound(err):
			l.node.SetSecret(api.SecretMissing)
		}
	}
}

// authorize accepts the credential in the network's ConfigMap.
func (l *lndPlace) authorize(user, password string) bool {
	name := l.pod.Name[:strings.LastIndex(l.pod.Name, "-")]
	config, err := l.machine.clients.CoreV1().ConfigMaps(l.machine.namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return false
	}
	credential, err := podhttp.ParseCredential(config.Data[api.CredentialKey])
	if err != nil {
		return false
	}
	accepted := false
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(user, password)
	credential.Authorized("lnd-agent", func(http.ResponseWriter, *http.Request) { accepted = true })(discard{}, request)
	return accepted
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// check a backend: the Service must lead to a bitcoind that runs.
func (l *lndPlace) check(b api.Backend) error {
	if b.User != rpcauth.LightningUser || b.Password == "" || b.RPCPort != v1.RPCPort {
		return errors.New("not the credential of LND")
	}
	to := l.machine.behind(b.Host)
	l.bitcoind.Store(to)
	if _, ok := l.blocks(); !ok {
		return fmt.Errorf("%s leads to no bitcoind", b.Host)
	}
	return nil
}

// blocks of the bitcoind that the Service leads to.
func (l *lndPlace) blocks() ([]lightningtest.Block, bool) {
	to := l.bitcoind.Load()
	if to == nil {
		return nil, false
	}
	object, found, err := l.machine.pods.GetByKey(l.machine.namespace + "/" + to.pod)
	if err != nil || !found {
		return nil, false
	}
	node := l.machine.bitcoinds.AtSlot(object.(*corev1.Pod).Status.PodIP, to.slot)
	if node == nil {
		return nil, false
	}
	chain := node.Chain()
	blocks := make([]lightningtest.Block, len(chain))
	for i, b := range chain {
		blocks[i] = lightningtest.Block{Hash: b.Hash, Time: b.Time, Script: b.Script}
	}
	return blocks, true
}

// behind is where a Service leads to, by the name of its host; nil for nowhere.
func (m *machine) behind(host string) *target {
	name, _, _ := strings.Cut(host, ".")
	service, err := m.clients.CoreV1().Services(m.namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	for _, port := range service.Spec.Ports {
		if port.Port == v1.RPCPort {
			return &target{service.Spec.Selector["statefulset.kubernetes.io/pod-name"], int(v1.SlotOfPort(v1.RPCPort, port.TargetPort.IntVal))}
		}
	}
	return nil
}

// LND is the simulated LND of a pod, which must run.
func (ns *Namespace) LND(pod string) *lightningtest.LND {
	ns.t.Helper()
	at, err := ns.lnd(pod)
	ok(ns.t, err)
	return at.node
}

func (ns *Namespace) lnd(pod string) (*lndPlace, error) {
	ns.machine.mu.Lock()
	defer ns.machine.mu.Unlock()
	for _, at := range ns.machine.places {
		if at.lnd != nil && at.lnd.pod.Name == pod && at.address != "" {
			return at.lnd, nil
		}
	}
	return nil, fmt.Errorf("no LND runs in pod %s", pod)
}

// BitcoindOf is the pod of the bitcoind that the LND of a pod has connections with; "" for none.
func (ns *Namespace) BitcoindOf(pod string) string {
	ns.t.Helper()
	at, err := ns.lnd(pod)
	ok(ns.t, err)
	if to := at.bitcoind.Load(); to != nil {
		return to.pod
	}
	return ""
}

// Lightning are the simulated LNDs of all pods.
func (ns *Namespace) Lightning() *lightningtest.Network { return ns.machine.lightning }

// Opened is how often a channel with each memo was opened so far.
func (ns *Namespace) Opened() map[string]int { return ns.machine.lightning.Opened() }
