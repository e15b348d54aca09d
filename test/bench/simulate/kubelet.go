package main

import (
	"context"
	"encoding/json"
	"log"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// heartbeat is as often as a kubelet renews its Lease.
const heartbeat = 10 * time.Second

// kubelet reports every pod on its machine as running.
type kubelet struct {
	clients kubernetes.Interface
	machine string
	nodes   *bitcoindtest.Nodes

	// running pods by UID. Only the handler of the informer uses it, which has one pod at a time.
	running map[types.UID]place
}

// place is where the nodes of a pod run, and what stops them.
type place struct {
	address string
	stop    func()
}

// join registers the machine.
func (k *kubelet) join(ctx context.Context) error {
	k.running = map[types.UID]place{}
	plenty := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("10000"), corev1.ResourceMemory: resource.MustParse("10Ti"), corev1.ResourcePods: resource.MustParse("20000"),
		corev1.ResourceEphemeralStorage: resource.MustParse("10Ti"),
	}
	_, err := k.clients.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: k.machine, Labels: map[string]string{"kubernetes.io/hostname": k.machine, "kubernetes.io/os": "linux"}},
		Status: corev1.NodeStatus{
			Capacity: plenty, Allocatable: plenty,
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Simulated", LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}},
		},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return k.renew(ctx)
}

// renew the Lease, without which the machine would be given up.
func (k *kubelet) renew(ctx context.Context) error {
	leases := k.clients.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: k.machine}, Spec: coordinationv1.LeaseSpec{
		HolderIdentity: &k.machine, LeaseDurationSeconds: ptr.To(int32(40)), RenewTime: ptr.To(metav1.NowMicro()),
	}}
	_, err := leases.Create(ctx, lease, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"spec": lease.Spec})
	if err != nil {
		return err
	}
	_, err = leases.Patch(ctx, k.machine, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// work updates the pods until the context ends.
func (k *kubelet) work(ctx context.Context) error {
	go wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := k.renew(ctx); err != nil && ctx.Err() == nil {
			log.Print("heartbeat: ", err)
		}
	}, heartbeat)
	list := cache.NewListWatchFromClient(k.clients.CoreV1().RESTClient(), "pods", metav1.NamespaceAll, fields.OneTermEqualSelector("spec.nodeName", k.machine))
	see := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok {
			if err := k.tend(ctx, pod); err != nil && ctx.Err() == nil {
				log.Printf("pod %s/%s: %v", pod.Namespace, pod.Name, err)
			}
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: list, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, now any) { see(now) }},
	})
	informer.RunWithContext(ctx)
	return nil
}

// tend starts a pod, or takes it away.
func (k *kubelet) tend(ctx context.Context, pod *corev1.Pod) error {
	pods := k.clients.CoreV1().Pods(pod.Namespace)
	if !pod.DeletionTimestamp.IsZero() {
		if at, ok := k.running[pod.UID]; ok {
			at.stop()
			delete(k.running, pod.UID)
		}
		err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	if pod.Status.Phase == corev1.PodRunning || pod.Spec.Containers[0].Name != "bitcoind" {
		return nil
	}
	at, ok := k.running[pod.UID]
	if !ok {
		var err error
		if at, err = k.start(ctx, pod); err != nil {
			return err
		}
		k.running[pod.UID] = at
	}
	patch, err := json.Marshal(map[string]any{"status": running(pod, at.address)})
	if err != nil {
		return err
	}
	_, err = pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// start starts the nodes of a pod.
func (k *kubelet) start(ctx context.Context, pod *corev1.Pod) (place, error) {
	supervisor, err := k.supervisorOf(ctx, pod)
	if err != nil {
		return place{}, err
	}
	if supervisor != nil {
		address, err := supervisor.Start()
		return place{address, func() { supervisor.Stop() }}, err
	}
	node, err := k.nodes.StartAnywhere(nil)
	if err != nil {
		return place{}, err
	}
	return place{node.Address, func() { k.nodes.Stop(node.Address) }}, nil
}

// supervisorOf is that of a pod with several nodes; nil for a pod with one.
func (k *kubelet) supervisorOf(ctx context.Context, pod *corev1.Pod) (*bitcoindtest.Supervisor, error) {
	group := resources.Group{StatefulSet: pod.Name[:max(strings.LastIndex(pod.Name, "-"), 0)]}
	slots, err := k.clients.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, group.SlotsConfigMap(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return bitcoindtest.NewSupervisor(k.nodes, pod.Name, slots.Data, nil)
}

func running(pod *corev1.Pod, address string) corev1.PodStatus {
	now := metav1.Now()
	status := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}, HostIP: "127.0.0.1", StartTime: &now}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, Image: pod.Spec.Containers[0].Image, ContainerID: "simulated://" + string(pod.UID), Ready: true, Started: ptr.To(true),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
	}}
	return status
}
