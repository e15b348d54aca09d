//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// kubelet runs the pods of one namespace, and provisions their volumes.
type kubelet struct {
	clients    kubernetes.Interface
	namespace  string
	image, dir string
	faults     *rpcFaults
	log        func(format string, args ...any)

	mu       sync.Mutex
	pods     map[types.UID]*container
	machines []*machine
	all      sync.WaitGroup
}

// run starts what is new in each round, until the context ends; then it ends all processes.
func (k *kubelet) run(ctx context.Context) {
	for sleep(ctx, 100*time.Millisecond) {
		// A claim exists before its pod: no volume of a pod in this list is new later, and emptied under its bitcoind.
		pods, err := k.clients.CoreV1().Pods(k.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		claims, err := k.clients.CoreV1().PersistentVolumeClaims(k.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for i := range claims.Items {
			k.provision(ctx, &claims.Items[i])
		}
		for i := range pods.Items {
			k.admit(ctx, &pods.Items[i])
		}
	}
	k.all.Wait()
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (k *kubelet) admit(ctx context.Context, pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pods[pod.UID] != nil {
		return
	}
	perPod, err := k.nodesPerPod(ctx, pod)
	if err != nil {
		k.log("pod %s: %v", pod.Name, err)
		return
	}
	on := k.schedule(&container{pod: pod})
	if on == nil {
		return
	}
	w, err := newWire()
	if err != nil {
		k.log("pod %s: %v", pod.Name, err)
		return
	}
	place := string(pod.UID)
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			place = volume.PersistentVolumeClaim.ClaimName
		}
	}
	c := &container{
		wire: w, perPod: perPod, pod: pod, root: filepath.Join(k.dir, place), machine: on, clients: k.clients, faults: k.faults,
	}
	k.pods[pod.UID] = c
	k.all.Go(func() { k.tend(ctx, c) })
}

// nodesPerPod of a pod with a supervisor; 0 for a pod with one node.
func (k *kubelet) nodesPerPod(ctx context.Context, pod *corev1.Pod) (int, error) {
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		if mount.MountPath != api.SlotsDir {
			continue
		}
		group := strings.TrimSuffix(pod.Name[:strings.LastIndex(pod.Name, "-")], "-sts")
		config, err := k.clients.CoreV1().ConfigMaps(k.namespace).Get(ctx, group+"-slots", metav1.GetOptions{})
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(config.Data[api.NodesPerPodKey])
	}
	return 0, nil
}

// tend runs a pod until it is deleted.
func (k *kubelet) tend(ctx context.Context, c *container) {
	defer func() { c.remove() }()
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pods := k.clients.CoreV1().Pods(k.namespace)
	_ = pods.Bind(ctx, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: c.pod.Name, UID: c.pod.UID},
		Target: corev1.ObjectReference{Kind: "Node", Name: c.machine.name}}, metav1.CreateOptions{})
	go k.follow(ctx, cancel, c)
	if err := k.prepare(c); err != nil {
		k.log("pod %s: %v", c.pod.Name, err)
	}
	for restarts := int32(0); ctx.Err() == nil; {
		if c.unplugged.Load() {
			c = k.boot(ctx, c)
			continue
		}
		k.once(ctx, c, restarts)
		restarts++
		// The kubelet's back-off, which a run has no time for.
		sleep(ctx, time.Second)
	}
	// Nobody reports that a pod has ended whose machine does not run.
	for c.machine.silent() && sleep(whole, 100*time.Millisecond) {
	}
	k.mu.Lock()
	delete(k.pods, c.pod.UID)
	k.mu.Unlock()
	if filepath.Base(c.root) == string(c.pod.UID) {
		unmountData(c.root)
	}
	ctx = context.WithoutCancel(ctx)
	err := pods.Delete(ctx, c.pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(c.pod.UID))})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		k.log("pod %s: %v", c.pod.Name, err)
	}
}

// follow cancels when the pod is to end, and keeps its files up to date.
func (k *kubelet) follow(ctx context.Context, cancel context.CancelFunc, c *container) {
	defer cancel()
	rounds := 0
	for sleep(ctx, 200*time.Millisecond) {
		now, err := k.clients.CoreV1().Pods(k.namespace).Get(ctx, c.pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && (now.UID != c.pod.UID || now.DeletionTimestamp != nil) {
			return
		}
		if rounds++; rounds%75 == 0 { // every 15 s; the kubelet takes up to a minute
			if err := c.refresh(ctx); err != nil {
				k.log("pod %s: %v", c.pod.Name, err)
			}
		}
	}
}

// prepare has a root directory with the image and a volume.
func (k *kubelet) prepare(c *container) error {
	if _, err := os.Stat(c.root); err != nil {
		if out, err := exec.Command("cp", "-al", k.image, c.root).CombinedOutput(); err != nil { //nolint:gosec // our own directories
			return fmt.Errorf("%w: %s", err, out)
		}
		if err := mountData(c.root); err != nil {
			return err
		}
	}
	return c.forget()
}

// once runs the container until its process ends or the pod is deleted.
func (k *kubelet) once(ctx context.Context, c *container, restarts int32) {
	log, err := os.OpenFile(filepath.Join(k.dir, c.pod.Name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		k.log("pod %s: %v", c.pod.Name, err)
		return
	}
	defer log.Close() //nolint:errcheck // a log
	ended, err := c.start(ctx, log)
	if err != nil {
		k.log("pod %s: %v", c.pod.Name, err)
		return
	}
	if c.unplugged.Load() {
		// The machine has lost power while it was started.
		c.signalAll(syscall.SIGKILL)
	}
	for port, backend := range c.proxied() {
		proxy, err := serveRPC(c.wire, port, backend, c.faults)
		if err != nil {
			k.log("pod %s: %v", c.pod.Name, err)
			continue
		}
		defer proxy.close()
	}
	k.report(ctx, c, restarts, true, false)
	for !c.probe(ctx) {
		select {
		case <-ended:
			k.report(ctx, c, restarts, false, false)
			return
		case <-ctx.Done():
			c.end(ended)
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
	k.report(ctx, c, restarts, true, true)
	select {
	case <-ended:
		k.report(ctx, c, restarts, false, false)
	case <-ctx.Done():
		c.end(ended)
	}
}

// end is the end of a container whose pod is deleted.
func (c *container) end(ended chan struct{}) {
	c.signalAll(syscall.SIGCONT)
	c.signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		c.signalAll(syscall.SIGKILL)
		<-ended
	}
}

func (k *kubelet) report(ctx context.Context, c *container, restarts int32, running, ready bool) {
	if c.machine.isDown() {
		return
	}
	is := map[bool]corev1.ConditionStatus{true: corev1.ConditionTrue, false: corev1.ConditionFalse}[ready]
	status := corev1.ContainerStatus{
		Name: c.pod.Spec.Containers[0].Name, Image: c.pod.Spec.Containers[0].Image, RestartCount: restarts, Ready: ready, Started: ptr.To(running),
		ContainerID: fmt.Sprintf("stand-in://%s-%d", c.pod.UID, restarts),
	}
	if running {
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.Now()}
	} else {
		status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "Error", FinishedAt: metav1.Now(), ContainerID: status.ContainerID}
	}
	var conditions []corev1.PodCondition
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		value := is
		if kind == corev1.PodScheduled || kind == corev1.PodInitialized {
			value = corev1.ConditionTrue
		}
		conditions = append(conditions, corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: metav1.Now()})
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"phase": corev1.PodRunning, "podIP": c.address, "podIPs": []corev1.PodIP{{IP: c.address}}, "hostIP": "10.77.0.1",
		"conditions": conditions, "containerStatuses": []corev1.ContainerStatus{status},
	}})
	if err == nil {
		_, err = k.clients.CoreV1().Pods(k.namespace).Patch(ctx, c.pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	}
	if err != nil && ctx.Err() == nil {
		k.log("pod %s: report: %v", c.pod.Name, err)
	}
}

// containers are those of the network by name of the pod.
func (k *kubelet) containers() []*container {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*container
	for _, c := range k.pods {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *container) int { return strings.Compare(a.pod.Name, b.pod.Name) })
	return list
}
