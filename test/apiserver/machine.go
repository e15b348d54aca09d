package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/lightningtest"
)

// MachineName is that of the simulated machine, which has no Node object.
const MachineName = "simulated"

// machine does the work of the scheduler, of the kubelet and of a provisioner of volumes in one namespace.
type machine struct {
	t          testing.TB
	clients    kubernetes.Interface
	namespace  string
	bitcoinds  *bitcoindtest.Nodes
	pods       cache.Store
	controller []cache.Controller

	// mu is held while a pod is dealt with, so that a pod is never started twice.
	mu     sync.Mutex
	report Report
	places map[types.UID]*place
	// volumes are the chains by claim, and by the number of the node in its pod.
	volumes map[string]map[int][]bitcoindtest.Block
	// lightning are the simulated LNDs, and wallets those of the claims.
	lightning *lightningtest.Network
	wallets   map[string]*lightningtest.LND
	ended     bool
	// spread is whether each pod gets a cluster node of its own.
	spread atomic.Bool
}

// place is what the machine has of one pod.
type place struct {
	// address of the pod's node; "" while it does not run.
	address  string
	restarts int32
	// chain of a node that does not run.
	chain []bitcoindtest.Block
	// lnd is the simulated LND of a pod that has one.
	lnd *lndPlace
	// packed is the supervisor of a pod with several nodes; nil for a pod with one.
	packed *bitcoindtest.Supervisor
	claim  string
	// reported is what was reported last, without times.
	reported string
}

func newMachine(t testing.TB, clients kubernetes.Interface, namespace string, bitcoinds *bitcoindtest.Nodes) *machine {
	m := &machine{
		t: t, clients: clients, namespace: namespace, bitcoinds: bitcoinds,
		places: map[types.UID]*place{}, volumes: map[string]map[int][]bitcoindtest.Block{},
		lightning: lightningtest.New(), wallets: map[string]*lightningtest.LND{},
	}
	see := func(object any) {
		switch object := object.(type) {
		case *corev1.Pod:
			m.tend(object)
		case *corev1.PersistentVolumeClaim:
			m.provision(object)
		}
	}
	core := clients.CoreV1().RESTClient()
	watch := func(resource string, kind runtime.Object) cache.Store {
		store, controller := cache.NewInformerWithOptions(cache.InformerOptions{
			ListerWatcher: cache.NewListWatchFromClient(core, resource, namespace, fields.Everything()), ObjectType: kind,
			Handler: cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, now any) { see(now) }, DeleteFunc: func(last any) {
				if unknown, ok := last.(cache.DeletedFinalStateUnknown); ok {
					last = unknown.Obj
				}
				m.gone(last)
			}},
		})
		m.controller = append(m.controller, controller)
		return store
	}
	m.pods = watch("pods", &corev1.Pod{})
	watch("persistentvolumeclaims", &corev1.PersistentVolumeClaim{})
	return m
}

// work updates pods and claims until the context ends.
func (m *machine) work(ctx context.Context) {
	var all sync.WaitGroup
	for _, controller := range m.controller {
		all.Go(func() { controller.RunWithContext(ctx) })
	}
	all.Wait()
}

// stopAll stops the nodes of all pods.
func (m *machine) stopAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for _, at := range m.places {
		m.stop(at)
	}
}

func (m *machine) setReport(report Report) {
	m.mu.Lock()
	m.report = report
	m.mu.Unlock()
	for _, pod := range m.pods.List() {
		m.tend(pod.(*corev1.Pod))
	}
}

// restart ends the container of a pod and starts it again.
func (m *machine) restart(name string) error {
	object, found, err := m.pods.GetByKey(m.namespace + "/" + name)
	if err != nil || !found {
		return fmt.Errorf("pod %s: found is %t, %w", name, found, err)
	}
	m.mu.Lock()
	if at := m.places[object.(*corev1.Pod).UID]; at != nil {
		m.stop(at)
		at.restarts++
	}
	m.mu.Unlock()
	m.tend(object.(*corev1.Pod))
	return nil
}

// tend brings a pod to the state that is to be reported.
func (m *machine) tend(pod *corev1.Pod) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended || nodeOf(pod) == nil {
		return
	}
	err := m.bring(context.Background(), pod)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		m.t.Logf("simulated machine: pod %s: %v", pod.Name, err)
	}
}

func (m *machine) bring(ctx context.Context, pod *corev1.Pod) error {
	pods := m.clients.CoreV1().Pods(m.namespace)
	if !pod.DeletionTimestamp.IsZero() {
		m.leave(pod.UID)
		return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	}
	at, err := m.placeOf(ctx, pod)
	if err != nil {
		return err
	}
	var status *corev1.PodStatus
	if m.report != nil {
		status = m.report(pod)
	}
	if status == nil {
		if err := m.start(at); err != nil {
			return err
		}
		status = running(pod, at.address, fmt.Sprintf("simulated://%s-%d", pod.UID, at.restarts), at.restarts)
		if at.lnd != nil && !at.lnd.ready() {
			notReady(status)
		}
	} else {
		m.stop(at)
	}
	if err := m.bind(ctx, pod, status); err != nil {
		return err
	}
	text := withoutTimes(status)
	if text == at.reported {
		return nil
	}
	// A merge patch replaces the lists. A container that is not reported has none.
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"phase": status.Phase, "podIP": status.PodIP, "podIPs": status.PodIPs, "hostIP": status.HostIP, "hostIPs": status.HostIPs,
		"conditions": status.Conditions, "initContainerStatuses": status.InitContainerStatuses, "containerStatuses": status.ContainerStatuses,
	}})
	if err != nil {
		return err
	}
	if _, err = pods.Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err == nil {
		at.reported = text
	}
	return err
}

// bind assigns a pod to the machine, unless it is reported as one that cannot be scheduled.
func (m *machine) bind(ctx context.Context, pod *corev1.Pod, status *corev1.PodStatus) error {
	for _, c := range status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return nil
		}
	}
	if pod.Spec.NodeName != "" {
		return nil
	}
	err := m.clients.CoreV1().Pods(m.namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID}, Target: corev1.ObjectReference{Kind: "Node", Name: m.nameFor(pod)},
	}, metav1.CreateOptions{})
	// The pod in the cache may be older than the machine's own binding.
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// nameFor is the cluster node of a pod.
func (m *machine) nameFor(pod *corev1.Pod) string {
	if m.spread.Load() {
		return MachineName + pod.Name[strings.LastIndex(pod.Name, "-"):]
	}
	return MachineName
}

// start the node of a pod with the blocks that it had.
func (m *machine) start(at *place) error {
	if at.address != "" {
		return nil
	}
	if at.lnd != nil {
		err := at.lnd.start()
		at.address = at.lnd.address
		return err
	}
	if at.packed != nil {
		var err error
		at.address, err = at.packed.Start()
		return err
	}
	node, err := m.bitcoinds.StartAnywhere(at.chain)
	if err != nil {
		return err
	}
	at.address = node.Address
	return nil
}

// stop the node of a pod, which keeps its blocks.
func (m *machine) stop(at *place) {
	switch {
	case at.address == "":
	case at.lnd != nil:
		at.lnd.stop()
		at.address = ""
	case at.packed != nil:
		at.packed.Stop()
		at.address = ""
	default:
		at.chain, at.address = m.bitcoinds.Stop(at.address), ""
	}
}

// gone forgets a pod or a claim that was deleted.
func (m *machine) gone(object any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch object := object.(type) {
	case *corev1.Pod:
		m.leave(object.UID)
	case *corev1.PersistentVolumeClaim:
		delete(m.volumes, object.Name)
		delete(m.wallets, object.Name)
	}
}

func (m *machine) leave(pod types.UID) {
	if at := m.places[pod]; at != nil {
		m.stop(at)
		if at.lnd != nil && at.claim != "" {
			m.wallets[at.claim] = at.lnd.node
		} else if at.claim != "" {
			m.volumes[at.claim] = map[int][]bitcoindtest.Block{0: at.chain}
			if at.packed != nil {
				m.volumes[at.claim] = at.packed.Stop()
			}
		}
		delete(m.places, pod)
	}
}
